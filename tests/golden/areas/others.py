"""Probes, the OpenAPI document, unknown addresses, other origins, and requests with unusual headers."""

from typing import Any

from ..harness import set_setting, wait_for_engine
from ..scenario import API, ActionStep, RequestStep, Step, get, post

ORIGIN = {"Origin": "https://app.example.com"}
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, idempotency-key",
}


def anonymous(title: str, method: str, path: str, **more: Any) -> RequestStep:
    return RequestStep(title=title, method=method, path=path, **{"user": None, **more})


def operations(document: dict[str, Any]) -> list[str]:
    """The operations of the OpenAPI document, e.g. `GET /api/v1/assets listAssets`."""
    return sorted(
        f"{method.upper()} {path} {operation['operationId']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )


def names(metrics: str) -> list[str]:
    return sorted(line.removeprefix("# TYPE ") for line in metrics.splitlines() if line.startswith("# TYPE "))


def beginning(text: str) -> str:
    return text[:15]


PROBES: list[Step] = [
    anonymous("liveness", "GET", "/healthz"),
    anonymous("liveness at another host", "GET", "/healthz", headers={"Host": "10.0.0.7:8000"}),
    anonymous("liveness with a token", "GET", "/healthz", user="alice"),
    anonymous("readiness before the engine ran", "GET", "/readyz"),
    ActionStep("the engine is seen", wait_for_engine),
    anonymous("readiness", "GET", "/readyz"),
    anonymous("readiness with a query", "GET", "/readyz?verbose=1"),
    ActionStep("the broker is down", set_setting("CELERY_BROKER_URL", "redis://:a-password@127.0.0.1:9/0")),
    anonymous("readiness without the broker", "GET", "/readyz"),
    ActionStep("there is no broker", set_setting("CELERY_BROKER_URL", "")),
    anonymous("metrics", "GET", "/metrics", shows=names),
    *(
        anonymous(f"{method} {path}", method, path)
        for path in ("/healthz", "/readyz", "/metrics")
        for method in ("HEAD", "POST", "OPTIONS", "DELETE")
    ),
    *(anonymous(f"GET {path}", "GET", path) for path in ("/healthz/", "/api/v1/healthz", "/api/v1/readyz", "/HEALTHZ")),
]
DESCRIPTION: list[Step] = [
    anonymous("the description", "GET", "/schema", shows=operations),
    anonymous(
        "the description with a wrong token", "GET", "/schema", shows=operations, headers={"Authorization": "Bearer x"}
    ),
    anonymous(
        "the description as JSON of OpenAPI",
        "GET",
        "/schema",
        shows=operations,
        headers={"Accept": "application/vnd.oai.openapi+json"},
    ),
    anonymous("the description as YAML", "GET", "/schema", shows=beginning, headers={"Accept": "application/yaml"}),
    anonymous(
        "the description as YAML of OpenAPI",
        "GET",
        "/schema",
        shows=beginning,
        headers={"Accept": "application/vnd.oai.openapi"},
    ),
    anonymous("the description as a page", "GET", "/schema", headers={"Accept": "text/html"}),
    anonymous("the description in another format by the query", "GET", "/schema?format=yaml", shows=beginning),
    anonymous("the description in an unknown format", "GET", "/schema?format=xml"),
    *(anonymous(f"{method} /schema", method, "/schema") for method in ("HEAD", "POST", "OPTIONS")),
    anonymous("the documentation page", "GET", "/docs", shows=beginning),
    *(anonymous(f"{method} /docs", method, "/docs") for method in ("HEAD", "POST", "OPTIONS")),
    *(anonymous(f"{method} /", method, "/", shows=beginning) for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS")),
    anonymous("the address without a path in a browser", "GET", "/", headers={"Accept": "text/html"}),
    *(
        anonymous(f"GET {path}", "GET", path, shows=beginning)
        for path in ("/admin", "/admin/", "/admin/login/?next=/x", "/admin/nope/")
    ),
    *(anonymous(f"GET {path}", "GET", path) for path in ("/api/v1/schema",)),
    anonymous("an unknown file", "GET", "/static/nope.js"),
    anonymous("an icon", "GET", "/favicon.ico"),
]
ADDRESSES = """
/nope /api /api/ /api/v1 /api/v1/ /api/v1/nope /api/v2/assets /assets/ /api/v1/assets/ /assets/a/b /assets/a/
/ASSETS /assets//a /integrations/ /integrations/slack/ /integrations/slack/nope /integrations/oauth
/integrations/oauth/authorize /integrations/oauth/authorize/ /integrations/oauth/authorize/a/b
/integrations/slack/secret/ /integrations/slack/secret/rotate/x /connectors/s3/x /events/ /events/a/b
/replays /replays/ /deliveries/ /deliveries/a/b /deliveries/a/retry/ /webhooks /webhooks/ /.env
/assets/..%2f..%2fetc /assets/%2e%2e/assets /%C3%A9 /%ff /%00 /assets%00 /a;b=c /assets.json /assets?/nope /*
"""
UNUSUAL: list[Step] = [
    *(get(f"GET {path}, signed in", path) for path in ADDRESSES.split()),
    *(
        anonymous(f"{method} {path}", method, path)
        for path in ("/nope", "/api/v1/nope", "/%00")
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    ),
    anonymous("an address far too long", "GET", "/" + "x" * 10_000),
    anonymous("an unknown address, as a page", "GET", "/nope", headers={"Accept": "text/html"}),
    anonymous("an unknown address, with a wrong token", "GET", "/api/v1/nope", headers={"Authorization": "Bearer x"}),
    get("a forged host", f"{API}/assets", headers={"Host": "evil.example"}),
    get("a forged host at an unknown address", "/nope", headers={"Host": "evil.example"}),
    get("a forwarded host", f"{API}/assets?limit=1", headers={"X-Forwarded-Host": "evil.example"}),
    get("a GET with a method override", f"{API}/assets", headers={"X-HTTP-Method-Override": "DELETE"}),
    post(
        "a POST with a method override",
        f"{API}/assets/a",
        {"name": "x"},
        headers={"X-HTTP-Method-Override": "PATCH"},
    ),
    RequestStep(title="an unknown method", method="BREW", path=f"{API}/assets"),
    RequestStep(title="a method in lower case", method="get", path=f"{API}/assets"),
    get("a range", f"{API}/assets", headers={"Range": "bytes=0-1"}),
    get(
        "a conditional request",
        f"{API}/assets",
        headers={"If-None-Match": "*", "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    ),
    get("compressed", f"{API}/connectors/s3", headers={"Accept-Encoding": "gzip"}, shows=list),
    get("in another language", f"{API}/assets?limit=0", headers={"Accept-Language": "de"}),
    *(
        get(f"asking for {kind}", f"{API}/assets", headers={"Accept": kind})
        for kind in ("application/xml", "text/html", "nonsense", "application/json; indent=4", "*/*;q=0")
    ),
]
ORIGINS: list[Step] = [
    anonymous("a preflight of the app", "OPTIONS", f"{API}/integrations/test", headers={**ORIGIN, **PREFLIGHT}),
    anonymous("a preflight of the app at an unknown address", "OPTIONS", "/nope", headers={**ORIGIN, **PREFLIGHT}),
    anonymous(
        "a preflight of the app at the address for hooks",
        "OPTIONS",
        "/webhooks/github",
        headers={**ORIGIN, **PREFLIGHT},
    ),
    anonymous(
        "a preflight of the app in the admin",
        "OPTIONS",
        "/admin/login/",
        headers={**ORIGIN, **PREFLIGHT},
        shows=beginning,
    ),
    anonymous(
        "a preflight of another origin",
        "OPTIONS",
        f"{API}/assets",
        headers={"Origin": "https://evil.example.com", **PREFLIGHT},
    ),
    anonymous(
        "a preflight of the origin null",
        "OPTIONS",
        f"{API}/assets",
        headers={"Origin": "null", **PREFLIGHT},
    ),
    get("a request of the app", f"{API}/assets", headers=ORIGIN),
    anonymous("an error for the app", "GET", f"{API}/assets", headers=ORIGIN),
    get("a request of another origin", f"{API}/assets", headers={"Origin": "https://evil.example.com"}),
    get("a request of the app at an unknown address", "/nope", headers=ORIGIN),
    RequestStep(
        title="OPTIONS of the app without a preflight",
        method="OPTIONS",
        path=f"{API}/assets",
        headers=ORIGIN,
    ),
    ActionStep("no other origin is allowed", set_setting("CORS_ALLOWED_ORIGINS", [])),
    get("a request of the app when it is not allowed", f"{API}/assets", headers=ORIGIN),
]
STEPS: list[Step] = [*PROBES, *DESCRIPTION, *UNUSUAL, *ORIGINS]
