"""Connecting with OAuth: the redirect to the provider, the callback, and what a connection changes."""

from typing import Any

from ..harness import TYPES, configure_clients, run_engine, sign_in
from ..scenario import API, ActionStep, Step, delete, get, patch, post
from .configurations import FEW, steps_of
from .examples import EXAMPLES
from .integrations import ALL, TEST, read, save

BEGIN = f"{ALL}/oauth/authorize"
END = f"{ALL}/oauth/callback"
PAGE = {"Accept": "text/html,application/xhtml+xml"}
APP = "https://app.example.com"
EVENT = {"event": "asset.created", "data": {"assetId": "asset-1"}}
RETURNS = {
    "another origin": "https://evil.example.com/",
    "an origin that begins alike": "https://app.example.com.evil.com/",
    "a user in it": "https://app.example.com@evil.com/",
    "a port": "https://app.example.com:8443/",
    "http": "http://app.example.com/",
    "no scheme": "//app.example.com/",
    "a path only": "/integrations",
    "capitals": "https://APP.example.com/",
    "a backslash": "https://app.example.com%5C@evil.com/",
    "a character that is not ASCII": "https://%C3%A1pp.example.com/",
    "script": "javascript:alert(1)//https://app.example.com",
    "half a bracket": "https://[app.example.com/",
    "too much": APP + "/" + "a" * 2000,
    "a NUL": APP + "/%00",
}


def shown_text(page: str) -> list[str]:
    """The part of a page that differs from other pages; empty for a redirect."""
    if not page:
        return []
    return (
        page[page.index("<title>") : page.index("</title>")].splitlines()
        + page[page.index("<main") : page.index("</script>")].splitlines()
    )


def begin(title: str, path: str = f"{BEGIN}/google_drive", **more: Any) -> Step:
    more = {"browser": "alice", "keep": {"state": "state"}, **more}
    return get(title, path, **more)


def end(title: str, query: str, integration_type: str = "google_drive", **more: Any) -> Step:
    return get(title, f"{END}/{integration_type}?{query}", **{"browser": "alice", "user": None, **more})


UNCONFIGURED: list[Step] = [
    *(get(f"beginning with {name}, which is not set up", f"{BEGIN}/{name}") for name in TYPES),
    get("beginning with an unknown type", f"{BEGIN}/fax"),
    get("beginning with what is not set up, as a page", f"{BEGIN}/google_drive", headers=PAGE),
    get("beginning with what has no OAuth, as a page", f"{BEGIN}/s3", headers=PAGE, shows=shown_text),
    get("beginning with an unknown type, as a page", f"{BEGIN}/fax", headers=PAGE, shows=shown_text),
    get("beginning without a token, as a page", f"{BEGIN}/google_drive", user=None, headers=PAGE, shows=shown_text),
    get(
        "beginning without the scope, as a page",
        f"{BEGIN}/google_drive",
        scopes="integrations:read",
        headers=PAGE,
        shows=shown_text,
    ),
    ActionStep("a client is configured", configure_clients("google_drive", "github", "dropbox", "slack")),
]
BEGINNING: list[Step] = [
    begin("beginning"),
    begin("beginning again"),
    begin("beginning at the root", "/integrations/oauth/authorize/google_drive"),
    begin("beginning with GitHub", f"{BEGIN}/github"),
    begin("beginning with Dropbox", f"{BEGIN}/dropbox"),
    begin("beginning with Slack", f"{BEGIN}/slack"),
    begin("beginning as a page", headers=PAGE, keep={"state": "Location?state"}),
    begin("beginning with a return URL", f"{BEGIN}/google_drive?returnUrl={APP}/integrations?tab=1"),
    begin("beginning with an empty return URL", f"{BEGIN}/google_drive?returnUrl="),
    begin("beginning with an unknown parameter", f"{BEGIN}/google_drive?colour=red&state=x"),
    *(
        begin(f"beginning with a return URL that has {how}", f"{BEGIN}/google_drive?returnUrl={url}", keep={})
        for how, url in RETURNS.items()
    ),
    begin(
        "beginning with a return URL of another origin, as a page",
        f"{BEGIN}/google_drive?returnUrl=https://evil.example.com/",
        headers=PAGE,
        shows=shown_text,
        keep={},
    ),
    *(
        begin(
            f"beginning from a link on {how} page",
            user=None,
            headers={**PAGE, "Sec-Fetch-Site": site},
            shows=shown_text,
            keep={},
        )
        for how, site in {
            "our own": "same-origin",
            "no": "none",
            "a sister site's": "same-site",
            "another site's": "cross-site",
        }.items()
    ),
    begin(
        "beginning from a link of a browser that sends no Sec-Fetch-Site",
        user=None,
        headers=PAGE,
        shows=shown_text,
        keep={},
    ),
    begin(
        "beginning from a link in a browser without a session",
        user=None,
        browser="new",
        headers={**PAGE, "Sec-Fetch-Site": "none"},
        shows=shown_text,
        keep={},
    ),
    ActionStep("Bob signs in", sign_in("bob", "bob")),
    begin(
        "beginning from a link where Bob is signed in",
        user=None,
        browser="bob",
        headers={**PAGE, "Sec-Fetch-Site": "same-origin"},
        keep={"bobs": "Location?state"},
    ),
    begin(
        "beginning from another site's link where Bob is signed in",
        user=None,
        browser="bob",
        headers={**PAGE, "Sec-Fetch-Site": "cross-site"},
        keep={},
        shows=shown_text,
    ),
    end("ending what Bob began", "state={bobs}&error=access_denied", browser="bob"),
    begin("beginning from a link, as JSON", user=None, headers={"Sec-Fetch-Site": "same-origin"}, keep={}),
]


def _failing(how: str, query: str, **more: Any) -> list[Step]:
    """A flow that ends with `query`, for a program and for a browser with a return address."""
    return [
        begin(f"beginning what ends with {how}"),
        end(f"ending with {how}", query, **more),
        begin(f"beginning what ends with {how}, as a page", f"{BEGIN}/google_drive?returnUrl={APP}/x?status=1%26a=b"),
        end(f"ending with {how}, as a page", query, headers=PAGE, shows=shown_text, **more),
    ]


FAILING: list[Step] = [
    end("ending without parameters", ""),
    end("ending without parameters, as a page", "", headers=PAGE, shows=shown_text),
    end(
        "ending without parameters in a browser without a session, as a page",
        "",
        headers=PAGE,
        shows=shown_text,
        browser="new",
    ),
    end("ending with an unknown state", "state=x&code=good"),
    end("ending with the state twice", "state={state}&state={state}&code=good"),
    end("ending with a parameter twice, as a page", "a=1&a=2", headers=PAGE, shows=shown_text),
    end("ending at an unknown type", "state={state}&code=good", "fax"),
    end(
        "ending at an unknown type, as a page",
        "state={state}&code=good",
        "fax",
        headers=PAGE,
        shows=shown_text,
    ),
    end("ending at what has no OAuth", "state={state}&code=good", "s3"),
    end("ending in another browser", "state={state}&code=good", browser="new"),
    end("ending with a wrong token", "state={state}&code=good", headers={"Authorization": "Bearer wrong"}),
    end(
        "ending with a wrong token, as a page",
        "state={state}&code=good",
        headers={**PAGE, "Authorization": "Bearer wrong"},
        shows=shown_text,
    ),
    get("ending at the root without parameters", "/integrations/oauth/callback/google_drive", user=None),
    *_failing("no code", "state={state}"),
    *_failing("an empty code", "state={state}&code="),
    *_failing("a refusal by the user", "state={state}&error=access_denied"),
    *_failing("a provider that is busy", "state={state}&error=temporarily_unavailable"),
    *_failing("a provider that has failed", "state={state}&error=server_error"),
    *_failing("a scope that is not granted", "state={state}&error=invalid_scope"),
    *_failing("a client that is not accepted", "state={state}&error=unauthorized_client"),
    *_failing("an error of the provider's own", "state={state}&error=%3Cscript%3Ealert(1)%3C/script%3E"),
    *_failing("an error with a NUL", "state={state}&error=a%00b"),
    *_failing("a very long error", f"state={{state}}&error={'e' * 300}"),
    *_failing("an empty error", "state={state}&error=&code="),
    *_failing("another issuer", "state={state}&code=good&iss=https://evil.example.com"),
    *_failing("an invalid issuer", "state={state}&code=good&iss=://"),
    *_failing("a code that is refused", "state={state}&code=code-that-is-refused"),
    *_failing("a token endpoint that is busy", "state={state}&code=busy"),
    *_failing("a permission left unticked", "state={state}&code=unticked"),
    *_failing("an account that is not named", "state={state}&code=anonymous"),
    *_failing("the callback of another type", "state={state}&code=good", integration_type="github"),
    *_failing("another user's token", "state={state}&code=good", user="charlie"),
    end("ending with a state that was used already", "state={state}&code=good"),
    get("reading the status after all failures", f"{ALL}/status"),
]
CONNECTING: list[Step] = [
    begin("beginning what succeeds"),
    end("ending well", "state={state}&code=good&iss={receiver}"),
    read("reading what was connected", "google_drive"),
    begin("beginning once more"),
    end(
        "ending well with the same user's token and other parameters",
        "state={state}&code=good&scope=x&returnUrl=https://evil.example.com",
        user="alice",
    ),
    begin("beginning what succeeds as a page"),
    end("ending well as a page", "state={state}&code=good", headers=PAGE),
    begin(
        "beginning what succeeds with a return URL",
        f"{BEGIN}/google_drive?returnUrl={APP}/integrations?tab=1%26status=failed%26type=x",
    ),
    end("ending well with a return URL", "state={state}&code=good", headers=PAGE),
    begin("beginning what succeeds with a return URL, as JSON", f"{BEGIN}/google_drive?returnUrl={APP}/integrations"),
    end("ending well with a return URL, as JSON", "state={state}&code=good"),
    begin("beginning what succeeds at the root"),
    get(
        "ending well at the root",
        "/integrations/oauth/callback/google_drive?state={state}&code=good",
        user=None,
        browser="alice",
    ),
    *steps_of("google_drive", FEW),
    save("saving Google Drive after its connection ended", "google_drive", {}),
]
OTHERS: list[Step] = [
    begin("beginning with GitHub, which needs more", f"{BEGIN}/github"),
    end("ending with GitHub, which needs more", "state={state}&code=good", "github"),
    read("reading GitHub, which needs more", "github"),
    patch("resuming GitHub, which needs more", f"{ALL}/github", {"isActive": True}),
    begin("beginning with GitHub again", f"{BEGIN}/github"),
    end("ending with GitHub again, as a page", "state={state}&code=good", "github", headers=PAGE, shows=shown_text),
    post(
        "testing GitHub with what it needs",
        TEST,
        {"type": "github", "config": {"organization": "my-org", "repository": "asset-repo"}},
    ),
    save("saving GitHub with what it needs", "github", {"organization": "my-org", "repository": "asset-repo"}),
    read("reading GitHub, connected", "github"),
    save(
        "moving GitHub while it is connected",
        "github",
        {"organization": "my-org", "repository": "asset-repo", "baseUrl": "https://x.example.com"},
    ),
    save("saving GitHub with a key instead", "github", EXAMPLES["github"]),
    read("reading GitHub with its key", "github"),
    begin("beginning with Dropbox, which needs nothing", f"{BEGIN}/dropbox"),
    end("ending with Dropbox", "state={state}&code=good", "dropbox"),
    read("reading Dropbox", "dropbox"),
    begin("beginning with Slack, whose answer lacks the channel", f"{BEGIN}/slack"),
    end("ending with Slack", "state={state}&code=good", "slack"),
    ActionStep("jobs are done", run_engine),
    delete("deleting Dropbox", f"{ALL}/dropbox"),
    post("saving Dropbox without a token", ALL, {"type": "dropbox", "config": {"path": ""}}),
    get("reading the status at the end", f"{API}/integrations/status"),
]
REFUSED: list[Step] = [
    begin("beginning with a Dropbox that will refuse", f"{BEGIN}/dropbox"),
    end("ending with a Dropbox that will refuse", "state={state}&code=brief", "dropbox"),
    ActionStep("Dropbox refuses to renew the token", run_engine),
    read("reading Dropbox, refused", "dropbox"),
    patch("resuming Dropbox, refused", f"{ALL}/dropbox", {"isActive": True}),
    save("saving Dropbox, refused", "dropbox", {"path": "/Invenicum"}),
    post("publishing what Dropbox waits for", f"{API}/events", EVENT, keep={"event": "data.id"}),
    get("reading its status", f"{API}/events/{{event}}"),
    patch("pausing Dropbox, refused", f"{ALL}/dropbox", {"isActive": False}),
    save("saving Dropbox, refused, as active", "dropbox", {"path": "/Invenicum"}, isActive=True),
    read("reading Dropbox, refused and saved", "dropbox"),
    begin("beginning with Dropbox again", f"{BEGIN}/dropbox"),
    end("ending with Dropbox again", "state={state}&code=good", "dropbox"),
    read("reading Dropbox, connected again", "dropbox"),
    get("reading its status after that", f"{API}/events/{{event}}"),
]
STEPS: list[Step] = [*UNCONFIGURED, *BEGINNING, *FAILING, *CONNECTING, *OTHERS, *REFUSED]
