"""The alert rules and the dashboard of deploy/observability use only what /metrics really has."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from invenicum.accounts.models import User
from invenicum.operations.request_counters import add
from tests.factories import connect_drive
from tests.tools import tool
from webhooks.engine.metrics import Counters
from webhooks.models import EngineHeartbeat

FOLDER = Path(settings.BASE_DIR) / "deploy/observability"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"\binvenicum_\w+")
SELECTED = re.compile(r"(invenicum_\w+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
SCRAPED = {"instance", "job"}  # labels that Prometheus adds


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


@pytest.fixture
def labels_of(client: Client, alice: User, settings: Any) -> dict[str, set[str]]:
    """The labels of each series that /metrics has, when each family has one."""
    settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
    connect_drive(alice)
    counters = Counters()
    counters.count("delivered", "", "")
    counters.observe(0.02)
    counters.slow_steps["slack"] += 1
    EngineHeartbeat.objects.create(worker="w", last_drain_at=timezone.now(), counters=counters.as_json())
    add({"requests|POST|/webhooks/github|202": 1, "duration|/webhooks/github|0.05": 1, "seconds|/webhooks/github": 0.1})
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    found: dict[str, set[str]] = {}
    for family in families:
        assert family.samples, family.name
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_rules_and_dashboard_use_only_series_and_labels_that_exist(labels_of: dict[str, set[str]]) -> None:
    for expression in expressions():
        names = set(NAME.findall(expression))
        assert names, expression
        assert names <= labels_of.keys(), expression
        for name, matchers in SELECTED.findall(expression):
            assert set(LABEL.findall(matchers)) <= labels_of[name], expression
        grouped = {
            label.strip() for group in GROUPED.findall(expression) for label in group.split(",") if label.strip()
        }
        assert grouped - SCRAPED <= set().union(*(labels_of[name] for name in names)), expression


def test_every_series_is_watched_or_shown(labels_of: dict[str, set[str]]) -> None:
    used = {name for expression in expressions() for name in NAME.findall(expression)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    exists = {re.sub(r"_(bucket|sum|count)$", "", name) for name in labels_of if not name.endswith("_created")}
    assert exists - shown == set()


def test_every_alert_says_what_happens_and_the_operators_page_names_it() -> None:
    described = (Path(settings.BASE_DIR) / "docs/operations.md").read_text()
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert f"`{rule['alert']}`" in described, rule["alert"]


def test_a_service_that_is_gone_is_noticed() -> None:
    assert {"absent(invenicum_build_info)", "max(invenicum_database_up) == 0"} <= {rule["expr"] for rule in RULES}


def test_panels_do_not_overlap_and_each_has_a_source_that_can_be_chosen() -> None:
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"$source"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_each_alert_begins_when_it_should_and_not_before() -> None:
    """Prometheus itself evaluates the rules over the series of alerts.yml."""
    cases = Path(__file__).with_name("alerts.yml")
    played = {
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(cases.read_text())["tests"]
        for case in test["alert_rule_test"]
    }
    assert played == {(rule["alert"], begins) for rule in RULES for begins in (True, False)}
    promtool("test", "rules", str(cases))


def test_prometheus_reads_the_example() -> None:
    promtool("check", "config", str(FOLDER / "prometheus.yml"))


def promtool(*arguments: str) -> None:
    ran = subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
