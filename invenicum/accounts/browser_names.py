"""What a person calls a browser, from its `User-Agent`. Pure.

Browsers name those that they want to be taken for as well, so the order matters
(https://developer.mozilla.org/docs/Web/HTTP/Guides/Browser_detection_using_the_user_agent).
"""

BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def browser_name(agent: str) -> str:
    """`Firefox, Windows` for a browser, `curl` for `curl/8.5.0`; empty if the agent says nothing."""
    browser = _first_in(BROWSERS, agent) or agent.partition("/")[0].strip()[:30]
    return ", ".join(filter(None, (browser, _first_in(SYSTEMS, agent))))


def _first_in(names: dict[str, str], agent: str) -> str:
    return next((name for mark, name in names.items() if mark in agent), "")
