from datetime import timedelta
from typing import Any

from oauth2_provider.models import AccessToken

from invenicum.accounts.lookups import find_token, find_tokens
from invenicum.accounts.models import Application, User
from invenicum.accounts.tokens import holder_of, issue_token
from webhooks import duties

from .oauth_client import register, service_token


def test_a_token_is_found_with_its_user(alice: User) -> None:
    row = find_token(issue_token(alice, ["assets:read"]))
    assert row is not None
    holder = holder_of(row)
    assert holder is not None
    assert holder[0] == alice
    assert holder[1].scopes == {"assets:read"}


def test_expired_tokens_are_pruned(alice: User) -> None:
    issue_token(alice, lifetime=timedelta(seconds=-1))
    kept = issue_token(alice)
    duties.run_all("retention")
    assert AccessToken.objects.get() == find_token(kept)


def test_tokens_of_people_and_of_services_are_found_with_all_that_they_need_by_one_statement(
    alice: User, charlie: User, django_assert_num_queries: Any
) -> None:
    service = register(Application.Kind.SERVICE, user=charlie)
    personal, of_service = issue_token(alice), service_token(service)["access_token"]
    with django_assert_num_queries(1):
        found = find_tokens([personal, of_service, "unknown"])
        holders = {token: holder_of(row) for token, row in found.items()}
    assert {token: holder[0] for token, holder in holders.items() if holder} == {personal: alice, of_service: charlie}
    assert found[of_service] == AccessToken.objects.get(application=service)
    assert found[of_service].expires == AccessToken.objects.get(application=service).expires
