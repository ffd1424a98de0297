"""A hook's body is read only if an integration may verify it, and a process holds a bounded number of bytes."""

import io
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from invenicum.accounts.models import User
from tests.inbound import connect, send_github
from webhooks.inbound import bodies
from webhooks.inbound.bodies import Budget, TooManyBytes

MIB = 1024 * 1024
UNKNOWN = UUID(int=7)
PUSH = {"repository": {"full_name": "my-org/asset-repo"}, "ref": "refs/heads/main"}
SIGNED = {"X-Hub-Signature-256": "sha256=00", "X-GitHub-Event": "push"}


class Unread(io.RawIOBase):
    """A body that must not be read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")


def send_unread(path: str, size: int, headers: dict[str, str]) -> Any:
    environ: dict[str, Any] = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(size), "CONTENT_TYPE": "application/json"}
    return Client().generic("POST", f"/webhooks/{path}", headers=headers, **environ)


@pytest.mark.parametrize("integration_type", ["github", "gitlab", "bitbucket", "discord", "google_drive"])
def test_a_request_without_a_signature_is_refused_unread(alice: User, integration_type: str) -> None:
    assert send_unread(integration_type, 10, {}).status_code == 401
    assert send_unread(f"{integration_type}/{UNKNOWN}", 10, {"X-Other": "1"}).status_code == 401


def test_a_request_without_a_signature_is_refused_unread_at_an_integration_s_own_address(alice: User) -> None:
    integration = connect(alice, "github")
    refused = send_unread(f"github/{integration.pk}", 25 * MIB, {})
    assert (refused.status_code, refused.json()["error"]) == (401, "INVALID_SIGNATURE")


@pytest.mark.parametrize("named", [str(UNKNOWN), "no-id"])
def test_a_request_whose_address_names_no_integration_is_refused_unread(alice: User, named: str) -> None:
    assert send_unread(f"github/{named}", 25 * MIB, SIGNED).status_code == 401


def test_a_request_of_another_type_or_to_a_deleted_integration_is_refused_unread(alice: User, api: Any) -> None:
    integration = connect(alice, "github")
    assert send_unread(f"gitlab/{integration.pk}", MIB, {"X-Gitlab-Token": "x"}).status_code == 401
    api(alice).delete("/integrations/github")
    assert send_unread(f"github/{integration.pk}", MIB, SIGNED).status_code == 401


def test_a_body_that_is_too_large_is_refused_unread(alice: User) -> None:
    integration = connect(alice, "github")
    assert send_unread(f"github/{integration.pk}", 25 * MIB + 1, SIGNED).status_code == 413
    assert send_unread("github", 2 * MIB + 1, SIGNED).status_code == 413
    assert send_unread("slack", 16 * 1024 + 1, {}).status_code == 401  # no handshake is as large


def test_a_large_body_waits_while_the_process_holds_too_many(alice: User, settings: Any) -> None:
    integration = connect(alice, "github")
    settings.INBOUND_BYTES_AT_ONCE = 2 * MIB
    path, body = f"github/{integration.pk}", {**PUSH, "more": "x" * MIB}
    with bodies._budget.get().hold("gitlab/1", MIB + 1):
        refused = send_github(body, path)
        assert (refused.status_code, refused["Retry-After"]) == (503, "5")
        assert refused.json()["error"] == "UNAVAILABLE"
        assert send_github(PUSH, path, delivery="d-2").status_code == 202  # small ones are not counted
    assert send_github(body, path).status_code == 202


def test_one_address_leaves_half_of_the_budget_to_others(settings: Any) -> None:
    settings.INBOUND_BYTES_AT_ONCE = 100
    budget = Budget()
    with ExitStack() as held:
        held.enter_context(budget.hold("github/1", 40))
        with pytest.raises(TooManyBytes):
            held.enter_context(budget.hold("github/1", 20))
        held.enter_context(budget.hold("github/1", 10))
        held.enter_context(budget.hold("github/2", 50))
        with pytest.raises(TooManyBytes):
            held.enter_context(budget.hold("github/3", 1))
    with budget.hold("github/1", 1000):  # alone, even one that is larger than the budget
        pass


def test_what_an_error_ends_is_given_back(settings: Any) -> None:
    settings.INBOUND_BYTES_AT_ONCE = 100
    budget = Budget()
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"), budget.hold("github/1", 60):
            raise ValueError("inside")
