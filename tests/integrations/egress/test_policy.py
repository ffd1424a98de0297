import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.egress.policy import (
    Address,
    ascii_url,
    closed_because,
    host_and_port,
    literal_address,
    origin,
    port_problem,
    url_problem,
)

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
]
CLOSED = {
    "0.0.0.0": "an unspecified address",
    "10.0.0.1": "a private address",
    "100.64.0.1": "an address inside a provider's network",
    "100.127.255.255": "an address inside a provider's network",
    "100.100.100.200": "an address inside a provider's network",  # Alibaba's metadata
    "127.0.0.1": "a loopback address",
    "127.255.255.254": "a loopback address",
    "168.63.129.16": "a cloud platform's own address",
    "169.254.169.254": "a link-local address",  # metadata of most clouds
    "172.16.0.1": "a private address",
    "172.31.255.255": "a private address",
    "192.0.0.192": "a reserved address",  # Oracle's metadata
    "192.0.2.1": "a documentation address",
    "192.88.99.1": "a tunnel's address",
    "192.168.1.1": "a private address",
    "198.18.0.1": "a benchmarking address",
    "198.19.255.255": "a benchmarking address",
    "198.51.100.7": "a documentation address",
    "203.0.113.7": "a documentation address",
    "224.0.0.1": "a multicast address",
    "239.255.255.255": "a multicast address",
    "240.0.0.1": "a reserved address",
    "255.255.255.255": "a broadcast address",
    "::": "an unspecified address",
    "::1": "a loopback address",
    "::127.0.0.1": "an address with an IPv4 address inside",
    "::8.8.8.8": "an address with an IPv4 address inside",
    "::ffff:127.0.0.1": "a loopback address",
    "::ffff:10.0.0.1": "a private address",
    "::ffff:0:127.0.0.1": "a reserved address",  # translated, RFC 2765
    "64:ff9b::127.0.0.1": "a loopback address",
    "64:ff9b::a9fe:a9fe": "a link-local address",
    "64:ff9b:1::1": "a translator's local address",
    "100::1": "a reserved address",  # discard-only
    "2001::1": "a tunnel's address",
    "2001:2::1": "a reserved address",
    "2001:10::1": "a reserved address",
    "2001:20::1": "a reserved address",
    "2001:db8::1": "a documentation address",
    "2002:7f00:1::1": "a tunnel's address",
    "2002:808:808::1": "a tunnel's address",
    "3fff::1": "a documentation address",
    "4000::1": "a reserved address",
    "5f00::1": "a reserved address",
    "fc00::1": "a private address",
    "fd00:ec2::254": "a private address",  # Amazon's metadata
    "fe80::1": "a link-local address",
    "fe80::1%eth0": "a link-local address",
    "fec0::1": "a site-local address",
    "ff02::1": "a multicast address",
    "": "not an internet address",
    "localhost": "not an internet address",
    "127.1": "not an internet address",
}


@pytest.mark.parametrize("address", OPEN)
def test_a_globally_routable_address_is_open(address: Address) -> None:
    assert closed_because(address) is None


@pytest.mark.parametrize(("address", "kind"), CLOSED.items())
def test_any_other_address_is_closed_and_says_what_it_is(address: Address, kind: str) -> None:
    assert closed_because(address) == kind


@given(st.ip_addresses())
def test_what_python_knows_to_be_private_is_never_open(address: Address) -> None:
    if closed_because(str(address)) is None:
        assert not any((address.is_private, address.is_loopback, address.is_multicast, address.is_link_local))


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_never_more_reachable_than_itself(address: Address) -> None:
    inner = int(address)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | inner)
    translated = ipaddress.IPv6Address((0x64FF9B << 96) | inner)
    assert closed_because(str(mapped)) == closed_because(str(translated)) == closed_because(str(address))
    for tunnel in (ipaddress.IPv6Address(inner), ipaddress.IPv6Address((0x2002 << 112) | inner << 80)):
        assert closed_because(str(tunnel))


@given(st.ip_addresses(v=6, network="::/0"))
def test_outside_of_global_unicast_only_embedded_addresses_can_be_open(address: ipaddress.IPv6Address) -> None:
    if closed_because(str(address)) is None and address not in ipaddress.IPv6Network("2000::/3"):
        assert address.ipv4_mapped or address in ipaddress.IPv6Network("64:ff9b::/96")


def test_the_allow_list_opens_its_networks_and_nothing_else() -> None:
    allow = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32"))
    assert closed_because("10.1.2.3", allow) is None
    assert closed_because("::ffff:10.1.2.3", allow) is None
    assert closed_because("fd00:1::5", allow) is None
    assert closed_because("10.2.0.1", allow) == "a private address"
    assert closed_because("64:ff9b::10.1.2.3", allow) == "a private address"
    assert closed_because("10.1.2.3") == "a private address"


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "https://example.com:8443/a?b=c#d", "http://[2606:4700::1111]/", "HTTPS://EXAMPLE.com/"],
)
def test_a_plain_web_address_is_acceptable(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://example.com/", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("gopher://example.com/", "begin with http"),
        ("//example.com/", "begin with http"),
        ("example.com", "begin with http"),
        ("http://user:password@example.com/", "user name or password"),
        ("http://@example.com/", "user name or password"),
        ("http:///path", "not a valid address"),
        ("http://example.com:99999/", "not a valid address"),
        ("http://example.com:0/", "not a valid address"),
        ("http://[::1", "not a valid address"),
        ("http://example.com/a b", "not a valid address"),
        ("http://example.com/\r\nX-Injected: 1", "not a valid address"),
    ],
)
def test_any_other_address_is_refused_with_the_reason(url: str, problem: str) -> None:
    assert problem in (url_problem(url) or "")


def test_the_origin_names_no_secret() -> None:
    assert origin("https://hooks.example.com/services/T0/B0/secret?token=secret#secret") == "https://hooks.example.com"
    assert origin("http://user:secret@example.com:8080/") == "http://example.com:8080"
    assert origin("https://[2606:4700::1111]:443/") == "https://[2606:4700::1111]"
    assert origin("http://[secret") == origin("secret") == "the address"


@given(st.text(), st.text())
def test_any_text_has_a_printable_origin(start: str, end: str) -> None:
    for url in (start, f"http://{start}:{end}@", f"https://example.com{start}"):
        assert origin(url)


def test_letters_outside_ascii_are_encoded_as_browsers_do() -> None:
    assert ascii_url("https://bücher.example:81/straße?q=ä") == "https://xn--bcher-kva.example:81/stra%C3%9Fe?q=%C3%A4"
    assert ascii_url("https://example.com/a%20b?c=d#e") == "https://example.com/a%20b?c=d#e"
    # Full-width characters are normalised to ASCII before the address check.
    assert ascii_url("http://１２７。０。０。１/é") == "http://127.0.0.1/%C3%A9"


@pytest.mark.parametrize("port", [None, 80, 443, 1024, 8080, 8443, 65535])
def test_a_web_port_and_any_high_port_may_be_used(port: int | None) -> None:
    assert port_problem(port) is None


@pytest.mark.parametrize("port", [1, 22, 25, 81, 444, 1023])
def test_any_other_port_only_if_the_operator_allows_it(port: int) -> None:
    assert f"uses port {port}, which is not allowed" in (port_problem(port) or "")
    assert port_problem(port, frozenset({port})) is None


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("10.1.2.3.", "10.1.2.3"),
        ("localhost", "127.0.0.1"),
        ("a.localhost.", "127.0.0.1"),
        ("::1", "::1"),
        ("example.com", None),
        ("localhost.example.com", None),
        ("1.example", None),
    ],
)
def test_an_address_is_known_in_every_spelling(host: str, address: str | None) -> None:
    assert literal_address(host) == address


def test_the_host_and_port_of_a_url_are_those_that_any_reader_finds() -> None:
    assert host_and_port("https://Example.com./a?b@c:1") == ("example.com.", 443)
    assert host_and_port("http://[2606:4700::1111]:8080/") == ("2606:4700::1111", 8080)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_host_is_plain_or_refused(host: str, rest: str) -> None:
    for url in (f"http://{host}", f"https://{host}/{rest}", host):
        try:
            found, port = host_and_port(url)
        except ValueError:
            continue
        assert set(found) <= set("0123456789abcdefghijklmnopqrstuvwxyz.:_-")
        assert 0 < port < 65536
