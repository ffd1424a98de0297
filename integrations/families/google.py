"""What Google's APIs have in common: how an account is connected, and their errors. Pure."""

from ..core.answers import error_for, excerpt, field_of, objects_at, retry_after
from ..core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited
from ..core.http import Response
from ..core.oauth import OAuthSpec

# https://developers.google.com/workspace/drive/api/guides/handle-errors
RATE_LIMIT_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded", "dailyLimitExceeded"}
QUOTA_REASONS = {"storageQuotaExceeded", "teamDriveFileLimitExceeded", "activeItemCreationLimitExceeded"}
FULL_FOLDER_REASONS = {
    *("numChildrenInNonRootLimitExceeded", "teamDriveHierarchyTooDeep", "myDriveHierarchyDepthLimitExceeded")
}
API_DISABLED_REASONS = {"accessNotConfigured", "SERVICE_DISABLED"}
MISSING_SCOPE_REASONS = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientScopes"}


def google_oauth(scope: str, required: bool = False) -> OAuthSpec:
    """How a Google account is connected that grants `scope`, e.g. `https://www.googleapis.com/auth/drive.file`.

    `required`: nothing else connects. https://developers.google.com/identity/protocols/oauth2/web-server
    """
    return OAuthSpec(
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        scopes=("openid", "email", scope),
        identity_url="https://openidconnect.googleapis.com/v1/userinfo",
        identity_field="email",
        revoke_url="https://oauth2.googleapis.com/revoke",
        revokes_account=True,
        issuer="https://accounts.google.com",
        needed_scopes=(scope,),
        # Google issues a refresh token only for `offline` access, and only on the consent screen.
        extra_params={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
        required=required,
    )


def google_error(response: Response, service: str) -> IntegrationError:
    """The error for a response of a Google API other than 2xx. `service` is the product's name for the message."""
    status, said, reason = response.status, excerpt(field_of(response, "error", "message")), _reason(response)
    if status == 401:
        return AuthFailed(f"{service} no longer accepts the connection: connect the account again.")
    if status == 429 or reason in RATE_LIMIT_REASONS:
        return RateLimited(f"{service} asks to slow down ({reason or status}).", retry_after=retry_after(response))
    if reason in QUOTA_REASONS:
        sentence = f"{service} has no space left ({reason}): free some, or get more."
        return ConnectionFailed(sentence, fault="target")
    if reason in FULL_FOLDER_REASONS:
        sentence = f"The folder has as many files as Google allows, or is too deep ({reason}): choose another one."
        return ConnectionFailed(sentence, fault="target")
    if reason in API_DISABLED_REASONS:
        return AuthFailed(f"The API of {service} is not enabled in the project of this service's OAuth client.")
    if reason in MISSING_SCOPE_REASONS:
        return AuthFailed(f"The connection to {service} lacks a permission: connect again and grant all permissions.")
    if status == 403:
        return AuthFailed(f"{service} does not allow this ({said or reason}).")
    if status in (400, 404):
        return InvalidConfig(f"{service} refused the request ({said or reason or status}).")
    return error_for(response, service, said)


def _reason(response: Response) -> str:
    """The reason as a code, e.g. `rateLimitExceeded`: in `errors` of older APIs, in `details` of newer ones."""
    items = [*objects_at(response, "error", "errors"), *objects_at(response, "error", "details")]
    return next((excerpt(item["reason"]) for item in items if item.get("reason")), "")
