"""Nothing that the service answers is left out of the record."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, resolve

from . import paper
from .requests import AREAS
from .scenario import Ask

ADMIN = "admin/"  # has tests of its own
# What is documented and nothing leads to: a fault of ours, and what follows from the kind of a view only.
NEVER = {
    "GET /api/v1/integrations/oauth/callback/{integration_type}": {"403"},
    "GET /webhooks/{integration_type}": {"400"},
    "GET /webhooks/{integration_type}/{integration_id}": {"400"},
    "POST /webhooks/{integration_type}": {"415"},
    "POST /webhooks/{integration_type}/{integration_id}": {"415"},
}

Asked = dict[tuple[str, str], set[str]]


@pytest.fixture(scope="module")
def asked() -> Asked:
    """The statuses on record by method and path. The own address of an integration stands for all such addresses."""
    found: Asked = {}
    answers = paper.read()
    for area in AREAS:
        for step in area.steps:
            if isinstance(step, Ask):
                path = re.sub(r"^\{(\w+)_url\}$", r"/webhooks/\1/id", step.path).partition("?")[0]
                status = str(answers[area.name][step.says]["status"])
                found.setdefault((step.method, path), set()).add(status)
    return found


def test_every_route_is_asked(asked: Asked) -> None:
    resolved = {resolve(path).route for _, path in asked if path.startswith("/")}
    assert sorted(set(_routes(get_resolver().url_patterns)) - resolved) == []


def _routes(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if route == ADMIN:
            continue
        if hasattr(pattern, "url_patterns"):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


def test_every_documented_answer_of_every_operation_is_on_record(asked: Asked) -> None:
    lacking = []
    for template, methods in Client().get("/schema").json()["paths"].items():
        address = re.compile(re.sub(r"\{\w+\}", "[^/]+", template))
        for method, operation in methods.items():
            name = f"{method.upper()} {template}"
            mine = (
                found for (verb, path), found in asked.items() if verb == method.upper() and address.fullmatch(path)
            )
            missing = set(operation["responses"]) - set().union(*mine) - NEVER.get(name, set()) - {"500"}
            if missing:
                lacking.append(f"{name}: {', '.join(sorted(missing))}")
    assert not lacking, "\n".join(lacking)
