"""Replaces values that differ in every run, such as ids and times, by numbered placeholders. Pure.

The same value gets the same placeholder in all answers of an area.
"""

import re
from datetime import UTC, datetime

UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TOKEN = r"[A-Za-z0-9_-]{43}"
NONCE = r"[A-Za-z0-9_-]{22}"
# Tried together; the first match wins. All ids of a row have one placeholder, whatever their prefix.
PATTERNS = (
    ("id", r"(?<=evt_)[0-9a-f]{32}|(?<=dlv_)[0-9a-f]{32}|(?<=rpl_)[0-9a-f]{32}|(?<=inb_)[0-9a-f]{32}"),
    ("id", rf"(?<=cursor=[np])[0-9a-f]{{32}}|{UUID7}"),
    ("delivery", rf'(?<="deliveryId":"){UUID4}'),
    ("asset", r"(?<=asset-)[0-9a-f]{12}(?![0-9a-f])"),
    ("secret", r"(?<=whsec_)(?!dGVzd)[A-Za-z0-9+/]{43}="),  # except those of examples, which begin with `test`
    ("state", rf'(?<=[?&]state=){TOKEN}|(?<="state":"){TOKEN}'),
    ("code", rf"(?<=[?&]code=){TOKEN}"),
    ("link", rf"(?<=/portal/open#){TOKEN}"),
    ("result", rf"(?<=[?&]result=){TOKEN}"),
    ("challenge", rf"(?<=code_challenge=){TOKEN}"),
    ("nonce", rf"(?<=nonce-){NONCE}|(?<=nonce=\"){NONCE}"),
)
FOUND = re.compile("|".join(f"({pattern})" for _, pattern in PATTERNS))
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d{4,5}|(?<=127\.0\.0\.1%3A)\d{4,5}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DURATION = re.compile(r'(?<="durationMs":)\d+')
NEAR_SECONDS = 2 * 86_400  # from now; times further away are values of the scenarios


class Placeholders:
    """The placeholders of one area."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def text(self, text: str) -> str:
        text = FOUND.sub(self._placeholder, text)
        text = PORT.sub("<port>", text)
        text = DURATION.sub('"<milliseconds>"', text)
        return MOMENT.sub(_moment, text)

    def _placeholder(self, match: re.Match[str]) -> str:
        assert match.lastindex
        kind = PATTERNS[match.lastindex - 1][0]
        value = match[0].replace("-", "") if kind == "id" else match[0]
        if (kind, value) not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[kind, value] = f"<{kind} {self._counts[kind]}>"
        return self._known[kind, value]


def _moment(match: re.Match[str]) -> str:
    """A time near now as its distance in hours; the seconds depend on the speed of the machine."""
    try:
        moment = datetime.strptime(match[0], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return match[0]
    seconds = (moment - datetime.now(UTC)).total_seconds()
    if abs(seconds) > NEAR_SECONDS:
        return match[0]
    hours = round(seconds / 3600)
    return f"<now {hours:+} h>" if hours else "<now>"
