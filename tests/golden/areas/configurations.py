"""Valid and invalid configurations of each type, with their errors.

Each is saved over the one before; an invalid one changes nothing. Google Drive needs OAuth, so its configurations
are in `oauth.py`.
"""

import json
from typing import Any

from ..scenario import API, Step, delete, get, post
from .examples import DISCORD, EXAMPLES, FIELDS, SECRETS, WORKFLOW

SAVE = f"{API}/integrations"
ODD: dict[str, Any] = {
    "a number": 5,
    "a boolean": True,
    "a list of a number": [5],
    "an object": {"x": 5},
    "null": None,
    "an empty text": "",
    "a blank": " ",
    "a number in quotes": "5",
    "a word": "x",
    "a long text": "x" * 10_001,
    "two lines": "x\ny",
}
MOST_SHOWN = 60
LONG_EVENT = "a." + "b" * 98
# For each type and field, invalid values that look valid, and valid ones that look invalid.
FEW: dict[str, list[Any]] = {"events": [["asset.*"], ["*"]], "ordered": ["no"], "rateLimit": [0, "10"]}
ALL: dict[str, list[Any]] = {
    "events": [
        ["*"],
        ["asset"],
        ["a.b.*"],
        ["a.*.b"],
        ["Asset.created"],
        [LONG_EVENT],
        ["a.b"] * 51,
        ["a.b\n"],
        ["a.b", 5],
    ],
    "ordered": [False, "no", "off", 1, 2],
    "rateLimit": [0.01, 0.009, 1000, 1000.1, -1, "10", "1e2", "NaN", "Infinity", 10**400],
}
EDGES: dict[str, dict[str, list[Any]]] = {
    "s3": {
        "accessKeyId": ["AK", "A-B-C-D", "a=b", " AKIA "],
        "secretAccessKey": ["abc", "with blank", "é" * 20],
        "region": ["auto", "US-EAST-1", "us-east", "mars-1", "eusc-de-east-1", "a b"],
        "bucket": ["ab", "My-bucket", "a..b", "192.168.0.1", "xn--a", "bucket-s3alias", "-ab", "ab-"],
        "pathPrefix": ["../x", "a/./b", "a\\b", "x" * 513, "/", "assets"],
        "endpointUrl": [
            "https://minio.example.com:9000/",
            "https://x/path",
            "ftp://x",
            "http://x:0",
            "http://x:70000",
            "http://[x",
        ],
        "forcePathStyle": [False, "yes"],
        "serverSideEncryption": ["AES256", "aws:kms", "aes256"],
        "kmsKeyId": ["alias/invenicum"],
        "storageClass": ["STANDARD_IA", "GLACIER"],
        "acl": ["private", "everybody"],
    },
    "google_drive": {
        "folderId": [
            "root",
            "short",
            "https://drive.google.com/drive/u/0/folders/1AbCdEfGhIjKlMnOp?usp=sharing",
            "https://drive.google.com/file/d/1AbCdEfGhIjKlMnOp/view",
        ]
    },
    "dropbox": {
        "path": ["", "/", "Invenicum", "/Invenicum/", "/a\\b"],
        "space": ["team", "shared"],
        "accessToken": ["short", "with a blank"],
    },
    "github": {
        "apiKey": ["short", "with a blank", "é" * 8],
        "organization": ["-x", "a b", "x" * 65],
        "repository": ["..", "x.git", "a/b", "x" * 101],
        "branch": ["feature/x", "/x", "x/", "a..b", "x.lock", "@", "a b", "a~1", "x."],
        "webhookUrl": ["http://x", "https://user@x", "https://x#y", "https://x:0/", "https://x?y"],
        "webhookSecret": ["é", "x" * 256],
        "events": [["*"], ["pull_request", "push"], ["Push"], ["asset.created"], ["push"] * 81],
        "baseUrl": [
            "https://github.example.com/api/v3",
            "https://github.example.com/other",
            "http://github.example.com",
        ],
    },
    "gitlab": {
        "project": ["15", "group", "a/b/c", "/a/b", "a//b", "x/" * 256 + "x"],
        "webhookSigningToken": ["whsec_short", "token"],
        "events": [["issues_events"], ["push"], []],
        "baseUrl": ["https://gitlab.example.com/gitlab", "gitlab.example.com", "https://x?y"],
    },
    "bitbucket": {
        "apiKey": ["ATBBapppassword"],
        "email": ["user", "a@b", "a@b.c", "a:b@c.d"],
        "workspace": ["My-Workspace", "{01234567-89ab-cdef-0123-456789abcdef}", "{x}"],
        "repository": ["..", "a b", "{01234567-89ab-cdef-0123-456789abcdef}"],
        "events": [["pullrequest:created"], ["issue:created"], ["push"], []],
    },
    "slack": {
        "webhookUrl": [
            "https://hooks.slack-gov.com/services/T00/B00/XXXXXXXXXXXXXXXXXXXX",
            "https://evil.example.com/",
            "http://hooks.slack.com/services/T00/B00/XXXXXXXXXXXXXXXXXXXX",
        ],
        "channel": ["general", "@ada", "C0123456", "#General", "#a b", "#", "x" * 81],
        "username": ["x" * 80, "x" * 81],
        "iconEmoji": ["package", ":a b:", ":wave::skin-tone-2:", "::"],
        "botToken": ["xoxa-0000000000", "xoxp-0000000000", "xoxb-1"],
        "signingSecret": ["8f742231b10e8888abcd99aaabbb85a5", "8F742231B10E8888ABCD99AAABBB85A5", "0" * 31],
    },
    "discord": {
        "webhookUrl": [
            DISCORD.replace("discord.com", "ptb.discord.com"),
            DISCORD + "/",
            "https://discord.com/api/webhooks/1/x",
        ],
        "username": ["Clyde", "my discord", "x" * 81],
        "avatarUrl": ["http://x/y.png", "https://x/y.png?z", "x"],
        "threadId": ["1", "1" * 21],
        "applicationId": ["1234567890123456789", "x"],
        "publicKey": ["0f" * 32, "0F" * 32],
    },
    "teams": {
        "webhookUrl": [
            WORKFLOW.replace(":443", ""),
            WORKFLOW.replace("sig=", "x="),
            "https://outlook.office.com/webhook/x",
        ],
        "title": ["x" * 120, "x" * 121],
        "teamId": ["02bd9fd6-8f93-4758-87c3-1fb73740a315", "02BD9FD6-8F93-4758-87C3-1FB73740A315"],
        "channelId": ["19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2", "19:x@thread.tacv2"],
    },
    "google_analytics": {
        "measurementId": ["UA-12345-1", "g-1a2bcd345e", "G-123"],
        "apiSecret": ["short", "with/slash/and/more"],
        "propertyId": ["123456789", "1234", "GA4"],
        "region": ["global", "us", "EU"],
        "firebaseAppId": ["1:1234567890:ios:321abc45", "1:2:ios"],
        "appInstanceId": ["0123456789abcdef0123456789abcdef", "short"],
        "adUserData": ["GRANTED", "granted"],
        "adPersonalization": ["DENIED", "no"],
    },
    "mixpanel": {
        "projectToken": ["short", "0123456789abcdef-123456"],
        "projectId": ["x", "1" * 13],
        "serviceAccountUsername": ["ab", "a b"],
        "serviceAccountSecret": ["short"],
        "region": ["eu", "in", "us-east-1"],
    },
    "webhook": {
        "url": [
            "http://x",
            "https://user:pass@example.com/",
            "https://example.com/#x",
            "https://example.com:99999/",
            "https://[::1/",
            "example.com",
            "https://example.com/é",
            "https://" + "x" * 2041,
            "https://" + "x" * 10_000,
            " https://example.com/ ",
        ],
        "method": ["PUT", "PATCH", "GET", "post"],
        "headers": [
            {},
            {"X-A": "", "X-B": "b"},
            {"X A": "x"},
            {"": "x"},
            {"X-A": 5},
            {"X-A": None},
            {"X-A": "é"},
            {"X-A": "a\nb"},
            {"Host": "x"},
            {"webhook-id": "x"},
            {"Proxy-Authorization": "x"},
            {"X-Invenicum-Signature": "x"},
            {"X-A": "1", "x-a": "2"},
            {"X-A": "x" * 4097},
            {f"X-{number}": "x" for number in range(51)},
            [["X-A", "x"]],
        ],
        "secret": ["short", "x" * 256, "é" * 8],
    },
}


def _save(title: str, integration_type: str, config: dict[str, Any]) -> Step:
    return post(title, SAVE, {"type": integration_type, "config": config})


def _named(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… of {len(text)} characters"


def steps_of(integration_type: str, shared: dict[str, list[Any]]) -> list[Step]:
    """One type: saved, read, changed and deleted."""
    name, example = integration_type, EXAMPLES[integration_type]
    return [
        _save(f"{name}: nothing", name, {}),
        _save(f"{name}: everything", name, example),
        get(f"{name}: reading it", f"{SAVE}/{name}"),
        _save(f"{name}: everything with blank secrets", name, {**example, **dict.fromkeys(SECRETS[name], "")}),
        _save(
            f"{name}: everything without secrets",
            name,
            {key: example[key] for key in example if key not in SECRETS[name]},
        ),
        get(f"{name}: reading it with what it kept", f"{SAVE}/{name}"),
        *(
            _save(f"{name}: {how} in every field", name, dict.fromkeys(FIELDS[name], value))
            for how, value in ODD.items()
        ),
        _save(f"{name}: unknown fields", name, {**example, "colour": "red", "access_token": "x", "id": 1}),
        _save(
            f"{name}: fields that only the service sets",
            name,
            {**example, "accessToken": "x" * 20, "previousSecret": "x" * 20},
        ),
        *(
            _save(f"{name}: {field} as {_named(value)}", name, {**example, field: value})
            for field, values in {**shared, **EDGES[name]}.items()
            for value in values
        ),
        get(f"{name}: reading it after invalid changes", f"{SAVE}/{name}"),
        delete(f"{name}: deleting it", f"{SAVE}/{name}"),
    ]


TOGETHER: list[Step] = [
    _save(
        "s3: an address for the region auto",
        "s3",
        {**EXAMPLES["s3"], "region": "auto", "endpointUrl": "https://x.example.com"},
    ),
    _save(
        "teams: a team and a channel without OAuth",
        "teams",
        {
            "teamId": "02bd9fd6-8f93-4758-87c3-1fb73740a315",
            "channelId": "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2",
        },
    ),
    _save(
        "mixpanel: a service account without its secret",
        "mixpanel",
        {
            "projectToken": "0123456789abcdef0123456789abcdef",
            "serviceAccountUsername": "abc",
            "projectId": "1",
        },
    ),
    _save(
        "mixpanel: a secret without its account",
        "mixpanel",
        {
            "projectToken": "0123456789abcdef0123456789abcdef",
            "serviceAccountSecret": "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
        },
    ),
    _save(
        "mixpanel: a project without an account",
        "mixpanel",
        {"projectToken": "0123456789abcdef0123456789abcdef", "projectId": "1"},
    ),
    *(
        get(f"{name}: the secrets of what was never saved", f"{SAVE}/{name}/secret")
        for name in ("google_drive", "slack")
    ),
]
STEPS: list[Step] = [
    *(
        step
        for name in EXAMPLES
        if name != "google_drive"
        for step in steps_of(name, ALL if name in ("s3", "webhook") else FEW)
    ),
    *TOGETHER,
]
