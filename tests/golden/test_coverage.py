"""The recorded answers cover every route and every documented status."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, resolve

from . import recording
from .all_areas import AREAS
from .scenario import RequestStep

PAGES = ("admin/", "portal")  # for people; they have tests of their own
# Documented statuses that no request causes: every view of that kind has them.
NEVER_ANSWERED = {
    "GET /api/v1/integrations/oauth/callback/{integration_type}": {"403"},
    "GET /webhooks/{integration_type}": {"400"},
    "GET /webhooks/{integration_type}/{integration_id}": {"400"},
    "POST /webhooks/{integration_type}": {"415"},
    "POST /webhooks/{integration_type}/{integration_id}": {"415"},
}

Asked = dict[tuple[str, str], set[str]]


@pytest.fixture(scope="module")
def asked() -> Asked:
    """The recorded statuses by method and path; an integration's own address counts for all of them."""
    found: Asked = {}
    answers = recording.read()
    for area in AREAS:
        for step in area.steps:
            if isinstance(step, RequestStep):
                path = re.sub(r"^\{(\w+)_url\}$", r"/webhooks/\1/id", step.path).partition("?")[0]
                status = str(answers[area.name][step.title]["status"])
                found.setdefault((step.method, path), set()).add(status)
    return found


def test_every_route_has_a_recorded_answer(asked: Asked) -> None:
    resolved = {resolve(path).route for _, path in asked if path.startswith("/")}
    assert sorted(set(_routes(get_resolver().url_patterns)) - resolved) == []


def _routes(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if route in PAGES:
            continue
        if hasattr(pattern, "url_patterns"):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


def test_every_documented_status_is_recorded(asked: Asked) -> None:
    missing_statuses = []
    for template, methods in Client().get("/schema").json()["paths"].items():
        address = re.compile(re.sub(r"\{\w+\}", "[^/]+", template))
        for method, operation in methods.items():
            name = f"{method.upper()} {template}"
            mine = (
                found for (verb, path), found in asked.items() if verb == method.upper() and address.fullmatch(path)
            )
            missing = (
                set(operation["responses"]) - set().union(*mine) - NEVER_ANSWERED.get(name, set()) - {"500", "503"}
            )
            if missing:
                missing_statuses.append(f"{name}: {', '.join(sorted(missing))}")
    assert not missing_statuses, "\n".join(missing_statuses)
