import pytest

from invenicum.accounts.browser_names import browser_name

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"


# As MDN gives them: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/User-Agent
@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:47.0) Gecko/20100101 Firefox/47.0", "Firefox, Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0 Safari/537.36",
            "Chrome, Linux",
        ),
        (f"{WINDOWS} Chrome/51.0.2704.106 Safari/537.36 OPR/38.0.2220.41", "Opera, Windows"),
        (f"{WINDOWS} Chrome/91.0.4472.124 Safari/537.36 Edg/91.0.864.59", "Edge, Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 13_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/13.1.1 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        ("curl/7.64.1", "curl"),
        ("", ""),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent: str, name: str) -> None:
    assert browser_name(agent) == name
