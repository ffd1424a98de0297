import json
from typing import Any

from integrations.grouped_reads import Read, read_together
from integrations.services import delete_integration, set_active
from invenicum.accounts.callers import Bearer
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.factories import connect_webhook


def read(owner: User, type_: str | None, scope: str = "integrations:read") -> Read:
    return Read(Bearer(issue_token(owner, [scope]), None), type_)


def data_of(answer: bytes | None) -> Any:
    return answer and json.loads(answer)["data"]


def test_each_caller_reads_their_own_in_a_fixed_number_of_statements(
    alice: User, charlie: User, django_assert_num_queries: Any
) -> None:
    connect_webhook(alice, "https://alice.example.com/hook")
    reads = [read(owner, type_) for owner in (alice, charlie) for type_ in (None, "webhook")] * 5
    with django_assert_num_queries(3):
        answers = [data_of(answer) for answer in read_together(reads)]
    of_alice, hook, of_charlie, nothing = answers[:4]
    assert (of_alice["webhook"], of_alice["slack"], of_charlie["webhook"]) == (True, False, False)
    assert hook["config"]["url"] == "https://alice.example.com/hook"
    assert nothing is None
    assert answers == answers[:4] * 5


def test_a_paused_integration_is_not_active_and_a_deleted_one_is_not_found(alice: User) -> None:
    connect_webhook(alice)
    set_active(alice, "webhook", False)
    status, hook = map(data_of, read_together([read(alice, None), read(alice, "webhook")]))
    assert (status["webhook"], hook["isActive"]) == (False, False)
    delete_integration(alice, "webhook")
    assert read_together([read(alice, "webhook")]) == [None]


def test_a_token_without_the_scope_or_of_a_deactivated_user_reads_nothing(alice: User, charlie: User) -> None:
    reads = [read(alice, None, "assets:read"), read(charlie, None)]
    User.objects.filter(pk=charlie.pk).update(is_active=False)
    assert read_together(reads) == [None, None]
