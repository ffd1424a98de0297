"""Links to the portal: what an app may ask for."""

from ..harness import set_setting
from ..scenario import API, ActionStep, Step, each, post
from .bodies import few_refused, mistyped

LINKS = f"{API}/portal/links"
ALL = {
    "path": "/services/slack",
    "expiresIn": 60,
    "readOnly": True,
    "embed": True,
    "returnUrl": "https://app.example.com/tools",
    "theme": "dark",
    "accent": "#2456d6",
    "lang": "de",
}
WRONG = {
    "a path of another site": {"path": "//evil.example"},
    "a path without a slash": {"path": "services"},
    "too long a life": {"expiresIn": 601},
    "no life": {"expiresIn": 0},
    "a forbidden return address": {"returnUrl": "https://evil.example/"},
    "a script as the return address": {"returnUrl": "javascript:alert(1)"},
    "an unknown theme": {"theme": "pink"},
    "a color's name": {"accent": "blue"},
    "an unknown language": {"lang": "nl"},
    "a frame that no origin may show": {"embed": True},
    "an unknown field": {"colour": "#2456d6"},
}
STEPS: list[Step] = [
    post("asking for a link", LINKS, {}),
    post("asking for a link at the root", "/portal/links", {}),
    post("asking for a link with a key", LINKS, {}, headers={"Idempotency-Key": "link-1"}),
    post("asking for a link with the same key again", LINKS, {}, headers={"Idempotency-Key": "link-1"}),
    post("asking for another link with the same key", LINKS, {"path": "/x"}, headers={"Idempotency-Key": "link-1"}),
    *each("asking for a link with", "POST", LINKS, WRONG),
    *few_refused("asking for a link", "POST", LINKS, {}),
    *mistyped("asking for a link", "POST", LINKS, {}, "expiresIn"),
    *mistyped("asking for a link", "POST", LINKS, {}, "readOnly"),
    ActionStep("an origin may frame the portal", set_setting("PORTAL_FRAME_ORIGINS", ["https://app.example.com"])),
    post("asking for a link with all options", LINKS, ALL),
]
