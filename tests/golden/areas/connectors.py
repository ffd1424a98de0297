"""The catalog, and connection tests of each type with a service that cannot be reached."""

from typing import Any

from ..harness import CLOSED, set_receiver_answer, set_setting
from ..scenario import API, ActionStep, Step, get, post
from .examples import EXAMPLES

TEST = f"{API}/integrations/test"
CATALOG: list[Step] = [
    get("reading the catalog", f"{API}/connectors"),
    get(
        "reading the catalog at the root", "/connectors", shows=lambda answer: [item["type"] for item in answer["data"]]
    ),
    get("reading the catalog with a limit, which is ignored", f"{API}/connectors?limit=0&cursor=x", shows=len),
    *(get(f"reading the connector {name}", f"{API}/connectors/{name}") for name in EXAMPLES),
    get("reading a connector at the root", "/connectors/teams"),
    *(
        get(f"reading a connector by {how}", f"{API}/connectors/{name}")
        for how, name in {
            "an unknown type": "fax",
            "a name in capitals": "Slack",
            "a long name": "x" * 200,
        }.items()
    ),
    get("reading a connector by a name with quotes", f"{API}/connectors/a'b%22c%0Ad"),
    get("reading a connector by a name that is not ASCII", f"{API}/connectors/%C3%A9"),
]


def _test(title: str, integration_type: str, config: dict[str, Any], **more: Any) -> Step:
    return post(title, TEST, {"type": integration_type, "config": config}, **more)


def _webhook(title: str, url: str, **more: Any) -> Step:
    return _test(title, "webhook", {"url": url}, **more)


STATUSES = (200, 204, 299, 301, 400, 401, 403, 404, 410, 413, 429, 500, 503)
TESTS: list[Step] = [
    *(_test(f"testing {name} at a closed port", name, EXAMPLES[name]) for name in EXAMPLES if name != "webhook"),
    *(_test(f"testing {name} without a configuration", name, {}) for name in EXAMPLES),
    _webhook("testing a closed port", f"{CLOSED}/hook?key=secret"),
    _webhook("testing an address of a private network", "http://10.0.0.1/"),
    _webhook("testing a cloud's metadata address", "http://169.254.169.254/latest/meta-data/"),
    _webhook("testing a link-local address", "http://[fe80::1]/"),
    _webhook("testing an unspecified address", "http://0.0.0.0/"),
    _webhook("testing an address without a scheme", "example.com"),
    _webhook("testing an address that parsers read differently", "http://127.0.0.1:9\\@example.com/"),
    _webhook("testing an address with an invalid port", "http://127.0.0.1:0/"),
    _webhook("testing at the root", "{receiver}/hook", user="bob"),
    *(
        step
        for status in STATUSES
        for step in (
            ActionStep(f"the receiver answers {status}", set_receiver_answer("/hook", status, Location="/elsewhere")),
            _webhook(f"testing a receiver that answers {status}", "{receiver}/hook"),
        )
    ),
    ActionStep("no private address is allowed", set_setting("EGRESS_ALLOW", ())),
    _webhook("testing an address of this machine", "{receiver}/hook"),
    _webhook("testing an address of this machine in IPv6", "http://[::1]:9/"),
    _webhook("testing an IPv4-mapped address of this machine", "http://[::ffff:127.0.0.1]:9/"),
]
STEPS: list[Step] = [*CATALOG, *TESTS]
