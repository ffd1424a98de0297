"""Probes, the OpenAPI document, unknown addresses, other origins, and other requests of strangers."""

from typing import Any

from ..harness import set_setting, wait_for_engine
from ..scenario import API, ActionStep, RequestStep, Step, get, post

ORIGIN = {"Origin": "https://app.example.com"}
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, idempotency-key",
}


def stranger(title: str, method: str, path: str, **more: Any) -> RequestStep:
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
    stranger("is it alive?", "GET", "/healthz"),
    stranger("is it alive, by another host?", "GET", "/healthz", headers={"Host": "10.0.0.7:8000"}),
    stranger("is it alive, with a token?", "GET", "/healthz", user="alice"),
    stranger("is it ready before the engine ran?", "GET", "/readyz"),
    ActionStep("the engine is seen", wait_for_engine),
    stranger("is it ready?", "GET", "/readyz"),
    stranger("is it ready, with a query?", "GET", "/readyz?verbose=1"),
    ActionStep("the broker is gone", set_setting("CELERY_BROKER_URL", "redis://:a-password@127.0.0.1:9/0")),
    stranger("is it ready without its broker?", "GET", "/readyz"),
    ActionStep("there is no broker", set_setting("CELERY_BROKER_URL", "")),
    stranger("what are its figures?", "GET", "/metrics", shows=names),
    *(
        stranger(f"{method} {path}", method, path)
        for path in ("/healthz", "/readyz", "/metrics")
        for method in ("HEAD", "POST", "OPTIONS", "DELETE")
    ),
    *(stranger(f"GET {path}", "GET", path) for path in ("/healthz/", "/api/v1/healthz", "/api/v1/readyz", "/HEALTHZ")),
]
DESCRIPTION: list[Step] = [
    stranger("the description", "GET", "/schema", shows=operations),
    stranger(
        "the description with a wrong token", "GET", "/schema", shows=operations, headers={"Authorization": "Bearer x"}
    ),
    stranger(
        "the description as JSON of OpenAPI",
        "GET",
        "/schema",
        shows=operations,
        headers={"Accept": "application/vnd.oai.openapi+json"},
    ),
    stranger("the description as YAML", "GET", "/schema", shows=beginning, headers={"Accept": "application/yaml"}),
    stranger(
        "the description as YAML of OpenAPI",
        "GET",
        "/schema",
        shows=beginning,
        headers={"Accept": "application/vnd.oai.openapi"},
    ),
    stranger("the description as a page", "GET", "/schema", headers={"Accept": "text/html"}),
    stranger("the description in another format by the query", "GET", "/schema?format=yaml", shows=beginning),
    stranger("the description in a format that there is not", "GET", "/schema?format=xml"),
    *(stranger(f"{method} /schema", method, "/schema") for method in ("HEAD", "POST", "OPTIONS")),
    stranger("the page that shows it", "GET", "/docs", shows=beginning),
    *(stranger(f"{method} /docs", method, "/docs") for method in ("HEAD", "POST", "OPTIONS")),
    *(stranger(f"{method} /", method, "/", shows=beginning) for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS")),
    *(
        stranger(f"GET {path}", "GET", path, shows=beginning)
        for path in ("/admin", "/admin/", "/admin/login/?next=/x", "/admin/nope/")
    ),
    *(stranger(f"GET {path}", "GET", path) for path in ("/api/v1/schema",)),
    stranger("a file that is not there", "GET", "/static/nope.js"),
    stranger("an icon", "GET", "/favicon.ico"),
]
ADDRESSES = """
/nope /api /api/ /api/v1 /api/v1/ /api/v1/nope /api/v2/assets /assets/ /api/v1/assets/ /assets/a/b /assets/a/
/ASSETS /assets//a /integrations/ /integrations/slack/ /integrations/slack/nope /integrations/oauth
/integrations/oauth/authorize /integrations/oauth/authorize/ /integrations/oauth/authorize/a/b
/integrations/slack/secret/ /integrations/slack/secret/rotate/x /connectors/s3/x /events/ /events/a/b
/replays /replays/ /deliveries/ /deliveries/a/b /deliveries/a/retry/ /webhooks /webhooks/ /.env
/assets/..%2f..%2fetc /assets/%2e%2e/assets /%C3%A9 /%ff /%00 /assets%00 /a;b=c /assets.json /assets?/nope /*
"""
NOWHERE: list[Step] = [
    *(get(f"GET {path}, signed in", path) for path in ADDRESSES.split()),
    *(
        stranger(f"{method} {path}", method, path)
        for path in ("/nope", "/api/v1/nope", "/%00")
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    ),
    stranger("an address far too long", "GET", "/" + "x" * 10_000),
    stranger("an address that there is not, as a page", "GET", "/nope", headers={"Accept": "text/html"}),
    stranger(
        "an address that there is not, with a wrong token", "GET", "/api/v1/nope", headers={"Authorization": "Bearer x"}
    ),
    get("a forged host", f"{API}/assets", headers={"Host": "evil.example"}),
    get("a forged host at an address that there is not", "/nope", headers={"Host": "evil.example"}),
    get("a forwarded host", f"{API}/assets?limit=1", headers={"X-Forwarded-Host": "evil.example"}),
    get("a method that was meant otherwise", f"{API}/assets", headers={"X-HTTP-Method-Override": "DELETE"}),
    post(
        "a post that was meant as a change",
        f"{API}/assets/a",
        {"name": "x"},
        headers={"X-HTTP-Method-Override": "PATCH"},
    ),
    RequestStep(title="a method that there is not", method="BREW", path=f"{API}/assets"),
    RequestStep(title="a method in lower case", method="get", path=f"{API}/assets"),
    get("a range", f"{API}/assets", headers={"Range": "bytes=0-1"}),
    get(
        "an answer that may be kept",
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
    stranger("the app asks whether it may", "OPTIONS", f"{API}/integrations/test", headers={**ORIGIN, **PREFLIGHT}),
    stranger("the app asks whether it may, nowhere", "OPTIONS", "/nope", headers={**ORIGIN, **PREFLIGHT}),
    stranger("the app asks whether it may, at a hook", "OPTIONS", "/webhooks/github", headers={**ORIGIN, **PREFLIGHT}),
    stranger(
        "the app asks whether it may, in the admin",
        "OPTIONS",
        "/admin/login/",
        headers={**ORIGIN, **PREFLIGHT},
        shows=beginning,
    ),
    stranger(
        "a stranger asks whether it may",
        "OPTIONS",
        f"{API}/assets",
        headers={"Origin": "https://evil.example.com", **PREFLIGHT},
    ),
    stranger(
        "a page without an origin asks whether it may",
        "OPTIONS",
        f"{API}/assets",
        headers={"Origin": "null", **PREFLIGHT},
    ),
    get("the app reads", f"{API}/assets", headers=ORIGIN),
    stranger("the app reads an error", "GET", f"{API}/assets", headers=ORIGIN),
    get("a stranger reads", f"{API}/assets", headers={"Origin": "https://evil.example.com"}),
    get("the app reads nowhere", "/nope", headers=ORIGIN),
    RequestStep(
        title="the app asks for options without asking whether it may",
        method="OPTIONS",
        path=f"{API}/assets",
        headers=ORIGIN,
    ),
    ActionStep("no other origin may", set_setting("CORS_ALLOWED_ORIGINS", [])),
    get("the app reads where it may not", f"{API}/assets", headers=ORIGIN),
]
STEPS: list[Step] = [*PROBES, *DESCRIPTION, *NOWHERE, *ORIGINS]
