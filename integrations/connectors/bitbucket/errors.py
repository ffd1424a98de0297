"""Bitbucket's answers other than 2xx, as errors with a sentence that tells the user what to do."""

from ...core.answers import error_for, excerpt, field_of, retry_after
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited
from ...core.http import Response
from ...families.documents import Conflict
from ...families.git import ProtectedBranch

RATE_LIMIT_WAIT_SECONDS = 300.0  # if Bitbucket does not say how long
# A restriction of the branch, by its key and in the words of a push:
# https://jira.atlassian.com/browse/BCLOUD-20121
# https://community.atlassian.com/t5/Bitbucket-questions/How-do-I-grant-write-access-to-restricted-brances-via-repo/qaq-p/2249496
RESTRICTED_KEY = "BRANCH_PERMISSION_VIOLATED"
RESTRICTED = "Permission denied to update branch"


def bitbucket_error(
    response: Response, name: str, branch: str, *, has_email: bool = False, by_request: bool = False
) -> IntegrationError:
    """The error for a status other than 2xx, about the repository `name` (`workspace/repository`) and its branch.

    `has_email`: whether the token is given with an email. `by_request`: whether pull requests are opened.
    """
    status, said = response.status, excerpt(field_of(response, "error", "message"))
    if status == 401:
        hint = "check apiKey and email" if has_email else "an API token needs your email too"
        return AuthFailed(f"Bitbucket refused the token: it is wrong, expired or revoked ({hint}).")
    if status == 429:
        # https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/: counted over the last hour
        return RateLimited("Bitbucket asks to slow down.", retry_after=retry_after(response) or RATE_LIMIT_WAIT_SECONDS)
    is_restricted = RESTRICTED in said or field_of(response, "error", "data", "key") == RESTRICTED_KEY
    if status in (400, 403) and is_restricted:
        return ProtectedBranch(name, branch, said, by_request=by_request)
    if status == 403:
        return AuthFailed(f"The token may not do this in {name} ({said}): it needs Repositories: write.")
    if status == 404:
        return InvalidConfig(
            f"There is no repository {name} that this token can reach: check the names and the token's access.",
            {"repository": ["does not exist, or the token cannot see it"]},
        )
    if status == 409:
        return Conflict(f"Branch {branch} keeps changing during the commit ({said}).")
    if status == 400:
        return InvalidConfig(f"Bitbucket refused the request ({said}).")
    return error_for(response, "Bitbucket", said)
