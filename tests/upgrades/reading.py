"""What an instance answers and keeps, to be recorded and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.golden.harness import TYPES
from tests.upgrades.caller import Caller
from tests.upgrades.dumps import moved_id
from tests.upgrades.instance import Instance

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=Z)")
ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}(?![0-9a-f])")
Answers = dict[str, dict[str, Any]]

# Every value that is stored encrypted, decrypted, by model, key and field.
SECRETS = """
import json
from django.apps import apps
from invenicum.encrypted_fields import EncryptedField
found = {}
for model in apps.get_models():
    fields = [field.name for field in model._meta.fields if isinstance(field, EncryptedField)]
    for row in model._base_manager.order_by("pk") if fields else ():
        found[f"{model._meta.label} {row.pk}"] = {name: getattr(row, name) for name in fields}
print(json.dumps(found))
"""


def answers(port: int, tokens: dict[str, str]) -> Answers:
    """What each token reads, by the name of its holder and the address, as status and body."""
    return {name: dict(_reads(Caller(port, token))) for name, token in tokens.items()}


def secrets(instance: Instance) -> dict[str, Any]:
    """Every secret of the instance."""
    found: dict[str, Any] = json.loads(instance.run(SECRETS).splitlines()[-1])
    return found


def moved(value: Any, by: timedelta) -> Any:
    """What was recorded with its times and ids as `dumps.shift` moves them."""
    text = MOMENT.sub(lambda match: (datetime.fromisoformat(match[0]) + by).isoformat(), json.dumps(value))
    return json.loads(ID.sub(lambda match: moved_id(match[0], by), text))


def differences(recorded: Answers, answered: Answers, by: timedelta) -> list[str]:
    """Where an answer is neither the recorded one nor, in its times, the one that was moved. New fields are fine."""
    return [
        f"{who} {path}: {place}"
        for who, paths in recorded.items()
        for path, answer in paths.items()
        for place in _differences(answer, moved(answer, by), answered[who].get(moved(path, by)), "")
    ]


def _differences(recorded: Any, moved_one: Any, answered: Any, place: str) -> Iterable[str]:
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for name in recorded:
            yield from _differences(recorded[name], moved_one[name], answered.get(name), f"{place}.{name}")
    elif isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
        for number, (one, its_moved, other) in enumerate(zip(recorded, moved_one, answered, strict=True)):
            yield from _differences(one, its_moved, other, f"{place}.{number}")
    elif answered not in (recorded, moved_one):
        yield f"{place} was {moved_one!r}, is {answered!r}"


def _reads(caller: Caller) -> Iterable[tuple[str, Any]]:
    def read(path: str) -> tuple[str, Any]:
        reply = caller.get(path)
        return path, [reply.status, reply.json]

    yield read("/integrations/status")
    for name in TYPES:
        yield read(f"/integrations/{name}")
        yield read(f"/integrations/{name}/health")
    for path in ("/assets?limit=100", "/events?limit=100", "/deliveries?limit=100"):
        found = read(path)
        yield found
        status, body = found[1]
        for item in body["data"] if status == 200 else ():
            if "assets" not in path:
                yield read(f"{path.partition('?')[0]}/{item['id']}")
