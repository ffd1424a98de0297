"""The error envelope: `{"success": false, "message", "error", "details"?}`, whatever went wrong."""

import logging
import math
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from invenicum.pages import error_page, wants_page
from invenicum.quotas import QuotaExceeded

from .unavailable import RETRY_AFTER_SECONDS, is_unavailable

logger = logging.getLogger(__name__)
log = structlog.get_logger(__name__)

Details = Mapping[str, list[str]]

INVALID_CONFIG = "INVALID_CONFIG"
NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
PERMISSION_DENIED = "PERMISSION_DENIED"
NOT_FOUND = "NOT_FOUND"
METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
RATE_LIMITED = "RATE_LIMITED"
QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
INTERNAL_ERROR = "INTERNAL_ERROR"
UNAVAILABLE = "UNAVAILABLE"  # for the moment: see Retry-After

# In `details`, what is wrong with the body as a whole.
WHOLE_BODY = "body"

RETRY_AFTER = "Retry-After"  # header: seconds

PROGRAMS_ONLY = ("/api/", "/webhooks/")  # addresses at which no person looks

NOTHING_HERE = "There is nothing at this address"
MISSING_TOKEN = "Send an access token in the header Authorization: Bearer <token>"
CRASHED = "Something went wrong on our side. The error has been logged."
DATABASE_AWAY = "The database cannot be reached at the moment: try again shortly"


class ApiError(exceptions.APIException):
    """Ends a request with the error envelope. `details` maps a field to what is wrong with it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Details | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status_code = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})


def invalid(details: Details, message: str = "The request is not valid") -> ApiError:
    """The error for input that has the wrong form: 400, with what is wrong at each field."""
    return ApiError(400, INVALID_CONFIG, message, details)


def over_quota(error: QuotaExceeded, details: Details | None = None) -> ApiError:
    """The error for a request above a quota: 429 with `Retry-After` if waiting helps, else 409.

    `details`: which items of the body are at fault.
    """
    if error.retry_after is None:
        return ApiError(409, QUOTA_EXCEEDED, error.message, details)
    headers = {RETRY_AFTER: str(max(math.ceil(error.retry_after), 1))}
    return ApiError(429, RATE_LIMITED, error.message, details, headers)


def envelope(code: str, message: str, details: Details | None = None) -> dict[str, Any]:
    """The body of every error."""
    body: dict[str, Any] = {"success": False, "message": message, "error": code}
    return {**body, "details": details} if details else body


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to any exception of a view. Django REST framework calls it."""
    error = _as_api_error(exception)
    if error is None:
        logger.error("An API view failed", exc_info=exception)
        error = ApiError(500, INTERNAL_ERROR, CRASHED)
    return Response(envelope(error.code, error.message, error.details), error.status_code, headers=error.headers)


def _as_api_error(exception: Exception) -> ApiError | None:
    """What an expected exception says to the caller; None for a crash."""
    match exception:
        case ApiError():
            return exception
        case exceptions.ValidationError():
            return invalid(_details(exception.detail))
        case exceptions.NotAuthenticated():
            return ApiError(401, NOT_AUTHENTICATED, MISSING_TOKEN, headers={"WWW-Authenticate": "Bearer"})
        case exceptions.AuthenticationFailed():
            return ApiError(401, NOT_AUTHENTICATED, str(exception.detail), headers={"WWW-Authenticate": "Bearer"})
        case exceptions.PermissionDenied() | PermissionDenied():
            return ApiError(403, PERMISSION_DENIED, str(exception) or "You may not do this")
        case exceptions.NotFound() | Http404():
            return ApiError(404, NOT_FOUND, NOTHING_HERE)
        case exceptions.MethodNotAllowed():
            return ApiError(405, METHOD_NOT_ALLOWED, str(exception.detail))
        case exceptions.UnsupportedMediaType():
            return ApiError(415, INVALID_CONFIG, "Send JSON, with the header Content-Type: application/json")
        case exceptions.Throttled():
            seconds = math.ceil(getattr(exception, "wait", None) or 1)
            message = f"Too many requests: try again in {seconds} seconds"
            return ApiError(429, RATE_LIMITED, message, headers={RETRY_AFTER: str(seconds)})
        case QuotaExceeded():
            return over_quota(exception)
        case RequestDataTooBig():
            return ApiError(413, PAYLOAD_TOO_LARGE, "The request is too large")
        case exceptions.APIException(status_code=status) if status < 500:
            return ApiError(status, INVALID_CONFIG, str(exception.detail))
        case UnreadablePostError():
            return ApiError(400, INVALID_CONFIG, "The request's body is incomplete")
        case _ if is_unavailable(exception):
            log.warning("database_failed", error=str(exception).strip())
            return ApiError(503, UNAVAILABLE, DATABASE_AWAY, headers={RETRY_AFTER: str(RETRY_AFTER_SECONDS)})
    return None


def _details(detail: Any, path: str = "") -> dict[str, list[str]]:
    """A validation error's messages by dotted path, flat at any nesting."""
    if isinstance(detail, Mapping):
        nested = [(str(key), value) for key, value in detail.items()]
    elif any(isinstance(item, dict | list) for item in detail):
        nested = [(str(index), value) for index, value in enumerate(detail) if value]
    else:
        return {path.removesuffix(f".{WHOLE_BODY}") or WHOLE_BODY: [str(item) for item in detail]}
    found: dict[str, list[str]] = {}
    for key, value in nested:
        found.update(_details(value if isinstance(value, dict | list) else [value], f"{path}.{key}" if path else key))
    return found


# What Django answers outside an API view: a page for a browser, unless it asks for one of the API's addresses.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _wants_page(request):
        return error_page(400, "This request is not valid", "Something in its address or its form is wrong.")
    return _answer(400, INVALID_CONFIG, "The request is not valid")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _wants_page(request):
        return error_page(403, "You may not do this", "Your account lacks the permission for it.")
    return _answer(403, PERMISSION_DENIED, "You may not do this")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    if _wants_page(request):
        return error_page(404, "There is nothing here", "The address may be mistyped, or the page was removed.")
    return _answer(404, NOT_FOUND, NOTHING_HERE)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """The answer to the exception that is being handled."""
    error = sys.exception()
    if is_unavailable(error):
        log.warning("database_failed", error=str(error).strip())
        return _unavailable(request)
    if _wants_page(request):
        return error_page(500, "Something went wrong on our side", "The error has been logged. Please try again later.")
    return _answer(500, INTERNAL_ERROR, CRASHED)


def _unavailable(request: HttpRequest) -> HttpResponseBase:
    if _wants_page(request):
        response: HttpResponseBase = error_page(
            503, "The service is not available at the moment", "Please try again in a few seconds."
        )
    else:
        response = _answer(503, UNAVAILABLE, DATABASE_AWAY)
    response.headers[RETRY_AFTER] = str(RETRY_AFTER_SECONDS)
    return response


def forged_form(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """The answer to a form without its token against forged requests. Django calls it."""
    if _wants_page(request):
        return error_page(
            403,
            "This form has expired",
            "Go back, reload the page and send it again. Your browser must allow cookies of this site.",
        )
    return _answer(403, PERMISSION_DENIED, "The form lacks its token against forged requests")


def is_page(request: HttpRequest) -> bool:
    """Whether the address is one of the admin's, which are pages for people."""
    return request.path.startswith("/admin/")


def _wants_page(request: HttpRequest) -> bool:
    return is_page(request) or (wants_page(request) and not request.path.startswith(PROGRAMS_ONLY))


def _answer(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse(envelope(code, message), status=status)
