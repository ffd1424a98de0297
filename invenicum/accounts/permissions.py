from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from .tokens import Access


class HasScope(BasePermission):
    """Lets a request in whose token has the scope that the view declares.

    A view says `required_scopes = "deliveries:read"`, or by method
    `required_scopes = {"GET": "assets:read", "POST": "assets:write"}`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Access):
            return False
        scope = required_scope(view, str(request.method))
        if scope is not None and scope not in request.auth.scopes:
            raise PermissionDenied(f"The token lacks the scope {scope}")
        return True


def required_scope(view: Any, method: str) -> str | None:
    """The scope that `view` requires for `method`; None if it does not answer that method (405 follows)."""
    method = "GET" if method == "HEAD" else method
    if method == "OPTIONS" or not hasattr(view, method.lower()):
        return None
    scopes: str | dict[str, str] = view.required_scopes
    return scopes if isinstance(scopes, str) else scopes[method]
