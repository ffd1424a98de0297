"""What `manage.py run` creates so that there is something to see: a user, an integration, a first event."""

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.utils import timezone
from oauth2_provider.models import AccessToken

from integrations import services, signing_secrets
from integrations.models import Integration
from invenicum.accounts.lookups import find_token
from invenicum.accounts.models import User
from invenicum.accounts.portal_sessions import LinkOptions, create_link
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import Access, holder_of, issue_token
from invenicum.assets.models import Asset
from invenicum.assets.services import create_asset
from webhooks.services import ping

USERNAME = "demo"
FIRST_ASSET = {"name": "Product Photo.jpg", "category": "Images", "tags": ["draft"]}
RECEIVER_URL = "http://127.0.0.1:{port}/demo-receiver"


@dataclass(frozen=True, slots=True)
class Account:
    """The demo user's credentials. Kept in a file, because the database has only their hashes."""

    password: str
    token: str


def account(file: Path) -> tuple[User, Account]:
    """The demo user, a superuser, with valid credentials: those in `file`, or new ones."""
    user, _ = User.objects.get_or_create(
        username=USERNAME, defaults={"email": "demo@localhost", "is_staff": True, "is_superuser": True}
    )
    kept = _read(file)
    password, token = kept.password, kept.token
    if not user.check_password(password):
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        user.save(update_fields=["password"])
    if not _is_valid(user, token):
        token = issue_token(user)
    account = Account(password, token)
    if account != kept:
        _write(file, account)
    return user, account


def _read(file: Path) -> Account:
    try:
        return Account(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return Account("", "")


def _write(file: Path, account: Account) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(account)))


def _is_valid(user: User, token: str) -> bool:
    checksum = hashlib.sha256(token.encode()).hexdigest()
    in_time = AccessToken.objects.filter(user=user, token_checksum=checksum, expires__gt=timezone.now())
    return bool(token) and in_time.exists()


def portal_link(user: User, account: Account) -> str:
    """A one-time link that opens the portal as the demo user."""
    row = find_token(account.token)
    holder = holder_of(row) if row else None
    access = holder[1] if holder else Access(USER_SCOPES)
    return create_link(user, access, LinkOptions()).url


def saved_webhook(user: User) -> Integration | None:
    return Integration.objects.live().filter(owner=user, type="webhook").first()


def receiver_port(integration: Integration) -> int | None:
    """The port of the demo receiver that the integration points to; None if it points elsewhere."""
    pattern = RECEIVER_URL.replace(".", r"\.").format(port=r"(\d{1,5})")
    found = re.fullmatch(pattern, integration.config.get("url", ""))
    return int(found[1]) if found else None


def point_webhook_to(user: User, port: int) -> str:
    """Saves the webhook integration with the demo receiver's address. Returns its signing secret."""
    saved = saved_webhook(user)
    values = {**(saved.config if saved else {}), "url": RECEIVER_URL.format(port=port)}
    services.save_integration(user, "webhook", values)
    return signing_secrets.signing_secret(user, "webhook")


def make_something_happen(user: User) -> None:
    """The first asset; on a later start a ping, so that each start shows a delivery."""
    if not Asset.objects.filter(owner=user).exists():
        create_asset(user, FIRST_ASSET)
    elif saved_webhook(user):
        ping(user, "webhook")
