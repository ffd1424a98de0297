"""Integrations: saved, read, paused, resumed, tested, deleted; and which secrets are kept."""

from typing import Any

from ..harness import CLOSED, set_receiver_answer
from ..scenario import API, ActionStep, Step, delete, each, get, patch, post
from .bodies import JSON_TYPES, few_refused, mistyped
from .examples import EXAMPLES

ALL = f"{API}/integrations"
TEST = f"{ALL}/test"
SLACK: dict[str, Any] = {"type": "slack", "config": EXAMPLES["slack"]}
HOOK = "https://myservice.com/webhooks/invenicum"
TEMPLATED = {"url": HOOK, "method": "PUT", "template": '{"text": "{{ summary }}", "all": "{{ data }}"}'}
HEADERS = {"Authorization": "Bearer token-here", "X-Custom-Header": "value"}


def save(title: str, integration_type: str, config: dict[str, Any], **more: Any) -> Step:
    return post(title, ALL, {"type": integration_type, "config": config, **more})


def read(title: str, integration_type: str, **more: Any) -> Step:
    return get(title, f"{ALL}/{integration_type}", **more)


TYPES: dict[str, Any] = {
    "an unknown type": {**SLACK, "type": "fax"},
    "a type in capitals": {**SLACK, "type": "Slack"},
    "an empty type": {**SLACK, "type": ""},
    "a long type": {**SLACK, "type": "fax" * 1000},
    "a type with quotes": {**SLACK, "type": "a'b\"c\nd"},
    "a type that is not ASCII": {**SLACK, "type": "é"},
    "no type": {"config": {}},
    "no configuration": {"type": "slack"},
    "nothing": {},
    "an unknown type and no configuration": {"type": "fax"},
    "everything wrong": {"type": 5, "config": [], "isActive": "yes"},
}
SAVING: list[Step] = [
    get("reading the status before anything is saved", f"{ALL}/status"),
    post("saving", ALL, SLACK),
    post("saving again at the root", "/integrations", SLACK),
    post(
        "saving with unknown fields",
        ALL,
        {**SLACK, "id": 7, "createdAt": "now", "lastSync": None, "is_active": False},
    ),
    post("saving a list of integrations", ALL, {"integrations": [SLACK]}),
    *each("saving", "POST", ALL, TYPES),
    *each("testing", "POST", TEST, TYPES),
    *(step for field in ("type", "config", "isActive") for step in mistyped("saving", "POST", ALL, SLACK, field)),
    *(
        step
        for field in ("type", "config")
        for step in mistyped("testing", "POST", TEST, {**SLACK, "type": "fax"}, field)
    ),
    *few_refused("saving", "POST", ALL, SLACK),
    *few_refused("testing", "POST", TEST, SLACK),
    *(post(f"saving as {kind}", ALL, SLACK, content_type=kind) for kind in JSON_TYPES),
    get("listing integrations, which has no route", ALL),
    get("reading the status", f"{ALL}/status"),
    get("reading the status at the root", "/integrations/status?limit=0"),
    get("reading the status as Charlie", f"{ALL}/status", user="charlie"),
]
READING: list[Step] = [
    read("reading", "slack"),
    get("reading at the root", "/integrations/slack"),
    read("reading as Charlie", "slack", user="charlie"),
    read("reading what was not saved", "discord"),
    read("reading an unknown type", "fax"),
    read("reading a long type", "x" * 200),
    read("reading a type that is not ASCII", "%C3%A9"),
    read("reading a type with a NUL", "slack%00"),
    read("reading a type in capitals", "Slack"),
    get("reading the secret of a type that signs nothing", f"{ALL}/slack/secret"),
    get("reading the secret of what was not saved", f"{ALL}/webhook/secret"),
    get("reading the secret of an unknown type", f"{ALL}/fax/secret"),
    post("rotating the secret of a type that signs nothing", f"{ALL}/slack/secret/rotate"),
    post("rotating the secret of what was not saved", f"{ALL}/webhook/secret/rotate"),
    post("rotating the secret of an unknown type", f"{ALL}/fax/secret/rotate"),
]
PAUSING: list[Step] = [
    patch("pausing", f"{ALL}/slack", {"isActive": False}),
    patch("pausing again", f"{ALL}/slack", {"isActive": False}),
    get("reading the status during the pause", f"{ALL}/status"),
    post("saving during the pause", ALL, SLACK),
    post("saving during the pause with null", ALL, {**SLACK, "isActive": None}),
    post("saving during the pause as active", ALL, {**SLACK, "isActive": True}),
    post("saving as paused", ALL, {**SLACK, "isActive": False}),
    patch("resuming at the root", "/integrations/slack", {"isActive": True}),
    patch("resuming again", f"{ALL}/slack", {"isActive": True}),
    *each(
        "pausing",
        "PATCH",
        f"{ALL}/slack",
        {
            "nothing": {},
            "with another field": {"isActive": True, "type": "s3"},
            "in snake case": {"is_active": False},
            "with a configuration": {"config": {}},
        },
    ),
    *mistyped("pausing", "PATCH", f"{ALL}/slack", {}, "isActive"),
    *few_refused("pausing", "PATCH", f"{ALL}/slack", {"isActive": False}),
    patch("pausing what was not saved", f"{ALL}/discord", {"isActive": False}),
    patch("pausing what was not saved, with an invalid body", f"{ALL}/discord", {}),
    patch("pausing an unknown type", f"{ALL}/fax", {"isActive": False}),
    patch("pausing as Charlie", f"{ALL}/slack", {"isActive": False}, user="charlie"),
]
# Which secrets of a webhook and of other types a second save keeps.
KEEPING: list[Step] = [
    save("a webhook without a secret", "webhook", {"url": HOOK, "headers": HEADERS}),
    read("reading it", "webhook"),
    get("reading its secret", f"{ALL}/webhook/secret"),
    get("reading its secret at the root", "/integrations/webhook/secret"),
    get("reading its secret as Charlie", f"{ALL}/webhook/secret", user="charlie"),
    get("reading its secret with a scope for reading", f"{ALL}/webhook/secret", scopes="integrations:read"),
    save("saving it as it was shown", "webhook", {"url": HOOK, "headers": dict.fromkeys(HEADERS, "")}),
    save("saving it with blank secrets", "webhook", {"url": HOOK, "headers": "", "secret": ""}),
    save("saving it without secrets", "webhook", {"url": HOOK}),
    read("reading it with the secrets that it kept", "webhook"),
    get("reading the secret that it kept", f"{ALL}/webhook/secret"),
    save(
        "saving it with one header as shown and one new",
        "webhook",
        {"url": HOOK, "headers": {"Authorization": "", "X-New": "y"}},
    ),
    read("reading it with the one header that it kept", "webhook"),
    save("moving it without its headers", "webhook", {"url": "https://evil.example.com/"}),
    save(
        "moving it with its headers as shown",
        "webhook",
        {"url": "https://evil.example.com/", "headers": {"Authorization": "", "X-New": ""}},
    ),
    save("moving it with another invalid field", "webhook", {"url": "https://evil.example.com/", "method": "GET"}),
    save("moving it to an invalid address", "webhook", {"url": "evil"}),
    save("moving it by a slash with blank headers", "webhook", {"url": HOOK + "/", "headers": ""}),
    post(
        "testing another address with its headers as shown",
        TEST,
        {"type": "webhook", "config": {"url": CLOSED, "headers": {"Authorization": ""}}},
    ),
    save(
        "moving it with its headers given again",
        "webhook",
        {"url": "https://other.example.com/", "headers": {"Authorization": "again"}},
    ),
    get("reading the secret after the move", f"{ALL}/webhook/secret"),
    save("erasing its headers with null", "webhook", {"url": HOOK, "headers": None}),
    read("reading it without headers", "webhook"),
    save("erasing its headers with an empty object", "webhook", {"url": HOOK, "headers": {}}),
    save("giving it a chosen secret", "webhook", {"url": HOOK, "secret": "my-own-secret-of-32-characters!!"}),
    get("reading the chosen secret", f"{ALL}/webhook/secret"),
    post("rotating the secret", f"{ALL}/webhook/secret/rotate"),
    post("rotating the secret again at the root", "/integrations/webhook/secret/rotate"),
    post("rotating with a body, which is not read", f"{ALL}/webhook/secret/rotate", b"{", content_type="text/plain"),
    post("rotating as Charlie", f"{ALL}/webhook/secret/rotate", user="charlie"),
    get("reading the rotated secret", f"{ALL}/webhook/secret"),
    read("reading it after the rotation", "webhook"),
    save("saving it after the rotation", "webhook", {"url": HOOK}),
    save("erasing its secret with null", "webhook", {"url": HOOK, "secret": None}),
    get("reading the secret after it was erased", f"{ALL}/webhook/secret"),
    get("previewing what is saved", f"{ALL}/webhook/preview"),
    get("previewing it at the root", "/integrations/webhook/preview"),
    get("previewing an unknown event", f"{ALL}/webhook/preview?event=evt_{'0' * 32}"),
    get("previewing an event of another form", f"{ALL}/webhook/preview?event=x"),
    *few_refused("previewing", "POST", f"{ALL}/webhook/preview", {"config": {"url": HOOK}}),
    get(
        "previewing an event without the scope to read it",
        f"{ALL}/webhook/preview?event=evt_{'0' * 32}",
        scopes="integrations:read",
    ),
    post("previewing another method and template", f"{ALL}/webhook/preview", {"config": TEMPLATED}),
    post("previewing at the root", "/integrations/webhook/preview", {"config": {"url": HOOK, "method": "GET"}}),
    post("previewing a template that is no JSON", f"{ALL}/webhook/preview", {"config": {**TEMPLATED, "template": "{"}}),
    post("previewing nothing", f"{ALL}/webhook/preview", {}),
    post("previewing an unknown type", f"{ALL}/fax/preview", {"config": {}}),
    *(
        post(f"previewing {name}", f"{ALL}/{name}/preview", {"config": EXAMPLES[name]})
        for name in EXAMPLES
        if name != "s3"
    ),
    *(
        save(f"{name} that is moved: {how}", name, config)
        for name, how, config in (
            ("github", "saved", EXAMPLES["github"]),
            (
                "github",
                "without its secrets",
                {**EXAMPLES["github"], "apiKey": "", "webhookSecret": "", "baseUrl": "https://git.example.com"},
            ),
            ("github", "with its secrets", {**EXAMPLES["github"], "baseUrl": "https://git.example.com"}),
            (
                "github",
                "to another hook address",
                {**EXAMPLES["github"], "webhookSecret": "", "webhookUrl": "https://hooks.example.com/github"},
            ),
            ("gitlab", "saved", EXAMPLES["gitlab"]),
            ("gitlab", "without its key", {"project": "my-group/asset-repo", "baseUrl": "https://git.example.com"}),
            ("s3", "saved", EXAMPLES["s3"]),
            (
                "s3",
                "to another region",
                {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "region": "eu-west-1", "bucket": "my-asset-bucket"},
            ),
            (
                "s3",
                "to another server",
                {
                    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                    "region": "us-east-1",
                    "bucket": "my-asset-bucket",
                    "endpointUrl": "https://x.example.com",
                },
            ),
            ("mixpanel", "saved", EXAMPLES["mixpanel"]),
            ("mixpanel", "to another region", {"region": "eu", "projectId": "1234567"}),
            (
                "slack",
                "without its token",
                {"webhookUrl": EXAMPLES["slack"]["webhookUrl"].replace("T0", "T1"), "channel": "#a"},
            ),
            ("slack", "with an invalid address", {"webhookUrl": "https://evil.example.com/", "channel": "#a"}),
        )
    ),
]
TESTING: list[Step] = [
    save("a webhook with a receiver", "webhook", {"url": "{receiver}/hook", "headers": HEADERS}),
    post("testing it with what is stored", TEST, {"type": "webhook", "config": {"url": "{receiver}/hook"}}),
    post(
        "testing it with unknown fields",
        TEST,
        {"type": "webhook", "config": {"url": "{receiver}/hook"}, "isActive": "yes", "x": 1},
    ),
    ActionStep("the receiver refuses", set_receiver_answer("/hook", 403, b"no")),
    post("testing it with a receiver that refuses", TEST, {"type": "webhook", "config": {"url": "{receiver}/hook"}}),
    read("reading it after a test that failed", "webhook"),
]
DELETING: list[Step] = [
    delete("deleting what was not saved", f"{ALL}/discord"),
    delete("deleting an unknown type", f"{ALL}/fax"),
    delete("deleting as Charlie", f"{ALL}/slack", user="charlie"),
    delete("deleting", f"{ALL}/slack"),
    delete("deleting again", f"{ALL}/slack"),
    delete("deleting at the root", "/integrations/webhook", body=b"{", content_type="text/plain"),
    read("reading what was deleted", "slack"),
    patch("resuming what was deleted", f"{ALL}/slack", {"isActive": True}),
    get("reading the secret of what was deleted", f"{ALL}/webhook/secret"),
    post("saving what was deleted without its secret", ALL, {"type": "slack", "config": {"channel": "#a"}}),
    post("saving what was deleted", ALL, SLACK),
    get("reading the status at the end", f"{ALL}/status"),
]
STEPS: list[Step] = [*SAVING, *READING, *PAUSING, *KEEPING, *TESTING, *DELETING]
