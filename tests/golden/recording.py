"""Reads, writes and compares the recorded answers; as text, so that the order of keys matters."""

import difflib
import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("answers.json")
LINE_WIDTH = 180  # characters

Answers = dict[str, dict[str, dict[str, Any]]]


def read() -> Answers:
    """The recorded answers, by area and scenario."""
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def write(answers: Answers) -> None:
    PATH.write_text(render(answers) + "\n")


def render(value: Any, indent: str = "") -> str:
    """JSON in which each value that fits into a line is on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= LINE_WIDTH or not isinstance(value, dict | list) or not value:
        return line
    deeper = indent + " "
    if isinstance(value, list):
        return "[\n" + ",\n".join(deeper + render(item, deeper) for item in value) + f"\n{indent}]"
    items = (f"{deeper}{json.dumps(key, ensure_ascii=False)}: {render(item, deeper)}" for key, item in value.items())
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"


def differences(recorded: dict[str, Any], answered: dict[str, Any]) -> list[str]:
    """The difference of each scenario whose answer is not the recorded one."""
    found = [_difference(name, recorded.get(name), answered.get(name)) for name in {**recorded, **answered}]
    if list(recorded) != list(answered) and not any(found):
        found.append("The scenarios are in a different order than recorded.")
    return [text for text in found if text]


def _difference(name: str, recorded: Any, answered: Any) -> str:
    old, new = (render(entry).splitlines() if entry else [] for entry in (recorded, answered))
    if old == new:
        return ""
    return "\n".join([f"{name}:", *list(difflib.unified_diff(old, new, "recorded", "answered", lineterm="", n=9))[2:]])
