from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Put before ModelAdmin: its rows can be looked at only. They still go with what they belong to."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """For actions: who may only look must not set anything going."""
        options = self.opts  # type: ignore[attr-defined]
        return bool(request.user.has_perm(f"{options.app_label}.change_{options.model_name}"))

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        # The admin asks this of every row that would go with a deleted user; a plain no would keep that user for ever.
        options = self.opts  # type: ignore[attr-defined]
        match = request.resolver_match
        return match is not None and not str(match.url_name).startswith(f"{options.app_label}_{options.model_name}_")
