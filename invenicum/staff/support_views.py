"""Seeing the portal as a user does, to help them: read-only, for fifteen minutes, and never without their knowledge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from invenicum.accounts import portal_sessions
from invenicum.accounts.models import User
from invenicum.audit.services import Action, record
from invenicum.mail import send_to_owner

PERMISSION = "accounts.see_as_user"
MAX_REASON_LENGTH = 300


def may_open(staff: User) -> bool:
    """Whether a user may see the portal as others."""
    return staff.is_active and staff.is_staff and staff.has_perm(PERMISSION)


@transaction.atomic
def open_view(staff: User, owner: User, reason: str, browser: Mapping[str, Any]) -> str:
    """Opens the view, notes it in the audit trail and tells the owner by mail. `browser`: that of the staff member.

    `reason` is in the trail and in the mail, e.g. "Ticket 4711: Slack gets nothing". Returns the key of the session
    for the cookie of the portal.
    """
    reason = reason[:MAX_REASON_LENGTH]
    key = portal_sessions.open_for_support(owner, staff, browser)
    record(Action.SUPPORT_VIEW_OPENED, target=f"user:{owner.public_id}", owner=owner, actor=staff, detail=reason)
    subject, text = _("our support looks at your integrations"), _mail(reason)
    transaction.on_commit(lambda: send_to_owner(owner, subject, text, always=True))
    return key


def end_view(key: str, staff: User, owner: User) -> None:
    """Ends the view before its time."""
    portal_sessions.end_session(key)
    record(Action.SUPPORT_VIEW_ENDED, target=f"user:{owner.public_id}", owner=owner, actor=staff)


def _mail(reason: str) -> str:
    return _(
        "A member of our support has opened your integrations, and sees what you see: services, settings without "
        "secrets, and deliveries. Nothing can be changed that way, and it ends after %(minutes)d minutes.\n\n"
        "The reason given: %(reason)s\n\n"
        "If you did not ask for help, please write to us."
    ) % {"minutes": portal_sessions.SUPPORT_VIEW_LIFETIME.total_seconds() // 60, "reason": reason}
