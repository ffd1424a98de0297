"""The file of recorded answers: read, written, and compared as text, so that the order of keys counts."""

import difflib
import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("answers.json")
WIDTH = 180

Answers = dict[str, dict[str, dict[str, Any]]]


def read() -> Answers:
    """By area and scenario."""
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def write(answers: Answers) -> None:
    PATH.write_text(render(answers) + "\n")


def render(value: Any, indent: str = "") -> str:
    """JSON with one line for whatever fits into one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    deeper = indent + " "
    if isinstance(value, list):
        return "[\n" + ",\n".join(deeper + render(item, deeper) for item in value) + f"\n{indent}]"
    items = (f"{deeper}{json.dumps(key, ensure_ascii=False)}: {render(item, deeper)}" for key, item in value.items())
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"


def differences(recorded: dict[str, Any], answered: dict[str, Any]) -> list[str]:
    """For each scenario that is answered otherwise than recorded, what has changed."""
    found = [_difference(name, recorded.get(name), answered.get(name)) for name in {**recorded, **answered}]
    if list(recorded) != list(answered) and not any(found):
        found.append("The scenarios come in another order than they were recorded in.")
    return [text for text in found if text]


def _difference(name: str, recorded: Any, answered: Any) -> str:
    old, new = (render(entry).splitlines() if entry else [] for entry in (recorded, answered))
    if old == new:
        return ""
    return "\n".join([f"{name}:", *list(difflib.unified_diff(old, new, "recorded", "answered", lineterm="", n=9))[2:]])
