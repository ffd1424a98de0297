from django.contrib.auth.models import Permission
from django.test import Client
from oauth2_provider.models import AccessToken

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token

TOKENS = "/admin/oauth2_provider/accesstoken/"


def revoke(client: Client) -> None:
    chosen = AccessToken.objects.get().pk
    client.post(TOKENS, {"action": "revoke", "post": "yes", "_selected_action": [chosen]})


def test_staff_see_who_has_a_token_and_revoke_it(client: Client, alice: User) -> None:
    token = issue_token(alice, ["assets:read"])
    client.force_login(User.objects.create_superuser("staff"))
    page = client.get(TOKENS).content.decode()
    assert "alice" in page
    assert token not in page
    revoke(client)
    assert not AccessToken.objects.exists()
    answer = client.get("/assets", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["message"] == "Invalid or expired token"


def test_staff_with_view_permission_only_revoke_nothing(client: Client, alice: User) -> None:
    issue_token(alice, ["assets:read"])
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_accesstoken"))
    client.force_login(viewer)
    assert client.get(TOKENS).status_code == 200
    revoke(client)
    assert AccessToken.objects.exists()


def test_a_token_cannot_be_entered(client: Client, alice: User) -> None:
    client.force_login(User.objects.create_superuser("staff"))
    assert client.get(f"{TOKENS}add/").status_code == 403
    assert client.get("/admin/oauth2_provider/idtoken/").status_code == 404
