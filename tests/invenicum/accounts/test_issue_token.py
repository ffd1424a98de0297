from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES


def issue(*arguments: str) -> str:
    output = StringIO()
    call_command("issue_token", *arguments, stdout=output)
    return output.getvalue()


def test_only_a_token_that_works_is_printed(alice: User) -> None:
    token = issue("alice")
    assert token.count("\n") == 1
    assert Client().get("/assets", headers={"Authorization": f"Bearer {token.strip()}"}).status_code == 200


def test_a_token_has_every_scope_of_a_person_for_a_year(alice: User) -> None:
    issue("alice")
    token = AccessToken.objects.get(user=alice)
    assert set(token.scope.split()) == USER_SCOPES
    assert "events:publish-any" not in token.scope
    assert timedelta(days=364) < token.expires - timezone.now() <= timedelta(days=365)


def test_scopes_and_days_may_be_chosen(alice: User) -> None:
    issue("alice", "--scope", "assets:read", "--scope", "events:write events:publish-any", "--days", "1")
    token = AccessToken.objects.get(user=alice)
    assert set(token.scope.split()) == {"assets:read", "events:write", "events:publish-any"}
    assert token.expires - timezone.now() <= timedelta(days=1)


def test_a_missing_user_is_created_without_a_password(db: None) -> None:
    issue("dora")
    assert not User.objects.get(username="dora").has_usable_password()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["alice", "--scope", "assets:rea"], "Unknown scope assets:rea"),
        (["alice", "--days", "0"], "--days"),
        (["not a name"], "valid username"),
        (["x" * 151], "150"),
    ],
)
def test_invalid_arguments_are_a_clear_error(db: None, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        issue(*arguments)
    assert not AccessToken.objects.exists()
    assert not User.objects.exists()
