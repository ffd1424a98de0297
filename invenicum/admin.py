"""What the admin pages of all apps share."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Put before ModelAdmin or an inline: its rows can be looked at, and changed by its actions only.

    An action declares `permissions=["act"]`, so that it needs the change permission of the model, which a user who may
    only look does not have. Rows still go with the user they belong to (`invenicum.accounts.admin.UserAdmin`).
    """

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may start this page's actions."""
        options = self.opts  # type: ignore[attr-defined]
        return bool(request.user.has_perm(f"{options.app_label}.change_{options.model_name}"))
