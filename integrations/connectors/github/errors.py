"""GitHub's answers other than 2xx, as errors with a sentence that tells the user what to do."""

import re

from ...core.answers import error_for, excerpt, field_of, objects_at, reset_after, retry_after
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited
from ...core.http import Response
from ...families.documents import Conflict

# What GitHub says to a read and to a write.
NO_BRANCH = re.compile(r"No commit found|Branch .*not found")
NEEDED_PERMISSION = "the scope repo, or Contents: read and write"
RATE_LIMIT_WAIT_SECONDS = 60.0  # if GitHub does not say how long


def github_error(response: Response, name: str, branch: str) -> IntegrationError:
    """The error for a status other than 2xx, about the repository `name` (`owner/repository`) and its branch."""
    status = response.status
    said = excerpt(field_of(response, "message"))
    if _is_rate_limit(response, said):
        wait = retry_after(response) or reset_after(response, "x-ratelimit-reset") or RATE_LIMIT_WAIT_SECONDS
        return RateLimited(f"GitHub asks to slow down ({said}).", retry_after=wait)
    if status == 401:
        return AuthFailed("GitHub refused the token: it is wrong, expired or revoked. Create a new one.")
    if status == 403:
        return AuthFailed(f"The token may not do this in {name} ({said}): it needs {NEEDED_PERMISSION}.")
    if status == 301:
        # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        sentence = f"The repository {name} was renamed or moved: give its new name."
        return InvalidConfig(sentence, {"repository": ["was renamed or moved"]})
    if status == 404 and NO_BRANCH.match(said):
        return InvalidConfig(f"{name} has no branch {branch}.", {"branch": ["does not exist"]})
    if status == 404:
        return InvalidConfig(
            f"There is no repository {name} that this token can reach: check the names and the token's access.",
            {"repository": ["does not exist, or the token cannot see it"]},
        )
    if status in (409, 422) and re.search(r"\brules?\b|protected|pull request", said, re.IGNORECASE):
        return InvalidConfig(f"The rules of branch {branch} forbid direct commits ({said}).")
    # 422 also answers a write to a file that was created after we read.
    if status == 409 or (status == 422 and "sha" in said):
        return Conflict(f"Branch {branch} keeps changing during the commit ({said}).")
    if status == 422:
        return InvalidConfig(f"GitHub refused the request ({said}{_reasons(response)}).")
    return error_for(response, "GitHub", said)


def _is_rate_limit(response: Response, said: str) -> bool:
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    marks = response.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in response.headers
    return response.status == 429 or (response.status == 403 and (marks or "rate limit" in said.lower()))


def _reasons(response: Response) -> str:
    found = [excerpt(error.get("message")) for error in objects_at(response, "errors")]
    return "".join(f"; {reason}" for reason in found if reason)
