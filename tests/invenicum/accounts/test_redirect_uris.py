import pytest

from invenicum.accounts.redirect_uris import content_source, redirect_uri_refusal


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/callback",
        "https://app.example.com:8443/callback?tenant=7",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:51004/callback",
        "http://[::1]:51004/callback",
        "http://localhost:3000/callback",
        "com.example.app:/signed-in",
        "com.example.app://signed-in",
    ],
)
def test_an_app_may_be_sent_back_to(uri: str) -> None:
    assert redirect_uri_refusal(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "https:///callback",
        "http://app.example.com/callback",
        "http://127.0.0.1.example.com/callback",
        "https://app.example.com/callback#part",
        "https://app.example.com/callback#",
        "https://app.example.com@evil.example/callback",
        "https://*.example.com/callback",
        "https://app.example.com\\@evil.example/callback",
        "https://app.example.com/call back",
        "https://app.example.com/\n",
        "https://éxample.com/callback",
        "https://app.example.com:port/callback",
        "http://127.0.0.1:1;/callback",
        "http://[::1/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "invenicum://signed-in",
        "https://app.example.com/" + "x" * 2000,
    ],
)
def test_an_app_may_not_be_sent_back_to(uri: str) -> None:
    assert redirect_uri_refusal(uri)


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://app.example.com/callback?x=1", "https://app.example.com"),
        ("http://127.0.0.1:51004/callback", "http://127.0.0.1:51004"),
        ("http://[::1]:51004/callback", "http:"),  # a policy cannot name such a host
        ("com.example.app:/signed-in", "com.example.app:"),
    ],
)
def test_the_source_of_a_policy_that_lets_a_form_end_there(uri: str, source: str) -> None:
    assert content_source(uri) == source
