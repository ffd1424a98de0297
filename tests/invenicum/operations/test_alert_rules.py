"""The rules of alerts, each just below and just above its limit. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from invenicum.operations.alert_rules import RULES, Finding, Snapshot, find
from invenicum.operations.alert_texts import advice, sentence

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def found(**measured: Any) -> list[Finding]:
    return find(Snapshot(NOW, **measured))


def test_nothing_is_found_when_all_is_well() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("below", "above", "finding"),
    [
        (
            {"engine_silent_seconds": 60.0},
            {"engine_silent_seconds": 200.0},
            Finding("engine_silent", "", {"minutes": 3}),
        ),
        ({"oldest_seconds": 300.0}, {"oldest_seconds": 301.0}, Finding("oldest_undelivered", "", {"minutes": 5})),
        (
            {"attempts": 100, "failed": 5},
            {"attempts": 100, "failed": 6},
            Finding("failure_rate", "", {"percent": 6, "attempts": 100}),
        ),
        (
            {"attempts": 19, "failed": 19},
            {"attempts": 20, "failed": 20},
            Finding("failure_rate", "", {"percent": 100, "attempts": 20}),
        ),
        (
            {"circuits_open": 9, "integrations": 91},
            {"circuits_open": 9, "integrations": 90},
            Finding("circuits_open", "", {"count": 9, "integrations": 90}),
        ),
        (
            {"circuits_open": 2, "integrations": 2},
            {"circuits_open": 3, "integrations": 3},
            Finding("circuits_open", "", {"count": 3, "integrations": 3}),
        ),
        (
            {"connections": {"github": (100, 19), "slack": (2, 2)}},
            {"connections": {"github": (100, 20), "slack": (2, 2)}},
            Finding("grants_refused", "github", {"refused": 20, "grants": 100}),
        ),
        (
            {"expiring": {"teams": date(2026, 6, 1)}},
            {"expiring": {"teams": date(2026, 5, 31)}},
            Finding("secret_expires", "teams", {"day": "2026-05-31"}),
        ),
        (
            {"retention_behind": timedelta(days=2)},
            {"retention_behind": timedelta(days=3, hours=1)},
            Finding("retention_behind", "", {"days": 3}),
        ),
        ({"disk_used_share": 0.89}, {"disk_used_share": 0.9}, Finding("disk_full", "", {"percent": 90})),
    ],
)
def test_a_rule_finds_what_is_above_its_limit(below: dict[str, Any], above: dict[str, Any], finding: Finding) -> None:
    assert found(**below) == []
    assert found(**above) == [finding]
    words = sentence(finding.rule, finding.subject, finding.figures)
    assert words.endswith(".")
    assert "%(" not in words
    assert finding.rule not in words
    assert advice(finding.rule)


def test_every_rule_has_its_sentence_and_is_described() -> None:
    assert len(RULES) == 8
    assert sentence("grants_refused", "github", {"refused": 3, "grants": 9}) == (
        "3 of 9 GitHub connections were refused within an hour."
    )
    assert sentence("failure_rate", "", {"percent": 6, "attempts": 100}).startswith("6 % of the 100 attempts")
