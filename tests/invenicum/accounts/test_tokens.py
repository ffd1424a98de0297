from datetime import timedelta

from oauth2_provider.models import AccessToken

from invenicum.accounts.models import User
from invenicum.accounts.tokens import find_token, holder_of, issue_token
from webhooks import duties


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
