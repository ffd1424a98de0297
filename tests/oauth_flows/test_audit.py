import pytest
from django.test import RequestFactory

from invenicum.api.addresses import client_address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", "127.0.0.1"),
        ("10.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.9:4711", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
    ],
)
def test_the_address_is_what_the_trusted_proxy_saw(forwarded: str, address: str, settings: object) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # type: ignore[attr-defined]
    assert client_address(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == address


def test_without_a_trusted_proxy_a_forwarded_address_is_ignored() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "203.0.113.9"}, REMOTE_ADDR="")
    assert client_address(request) is None
