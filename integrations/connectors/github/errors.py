"""GitHub's answers other than 2xx, as errors with a sentence that tells the user what to do."""

import re

from ...core.answers import error_for, excerpt, field_of, objects_at, reset_after, retry_after
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited, Rejected
from ...core.http import Response
from ...families.documents import Conflict
from ...families.git import NoBranch, ProtectedBranch

# What GitHub says to a read, to a write of one file, and with 422 to a commit of several:
# https://github.com/solana-foundation/solana-developer-platform/pull/602
NO_BRANCH = re.compile(r"No commit found|Branch .*not found|Reference does not exist")
# What it says with 422 if a file or the branch has changed since it was read:
# https://github.com/google/go-github/issues/2418: GitRPC::BadObjectState
# https://github.com/webspace-sdk/webspace-engine/issues/104: Update is not a fast forward
CHANGED = re.compile(r"sha|BadObjectState|not a fast forward")
NEEDED_PERMISSION = "the scope repo, or Contents: read and write"
RATE_LIMIT_WAIT_SECONDS = 60.0  # if GitHub does not say how long
# What rules of a branch (with 409, 403 or 422) say, each after `Could not create file: ` or the like:
# https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches
# https://github.com/akhilmhdh/contributors-readme-action/issues/28: 4 of 4 required status checks are expected.
# https://github.com/yegor256/rultor/issues/1273: Required status check "continuous-integration/travis-ci" is expected.
# https://github.com/BobAnkh/auto-generate-changelog/issues/78: … Changes must be made through a pull request.
# https://github.com/Linaro/website/pull/1304: At least 1 approving review is required by reviewers with write access.
# https://github.com/dbt-labs/dbt-utils/issues/886: Changes must be made through the merge queue
PROTECTED = re.compile(
    r"required status check|pull request|protected branch|branch is protected|approv\w+ review|approved review"
    r"|code owner|\brules?\b|merge queue|authorized to push|(?:verified|valid) signature|linear history"
    r"|Cannot (?:create|update|delete) ref",
    re.IGNORECASE,
)
# https://docs.github.com/en/code-security/how-tos/secure-your-secrets/work-with-leak-prevention
SECRET_DETECTED = re.compile(r"secret detected|cannot contain secrets", re.IGNORECASE)


def github_error(response: Response, name: str, branch: str, *, by_request: bool = False) -> IntegrationError:
    """The error for a status other than 2xx, about the repository `name` (`owner/repository`) and its branch.

    `by_request`: whether pull requests are opened.
    """
    status = response.status
    said = excerpt(field_of(response, "message"))
    if _is_rate_limit(response, said):
        return RateLimited(f"GitHub asks to slow down ({said}).", retry_after=_limit_wait(response))
    if status == 401:
        return AuthFailed("GitHub refused the token: it is wrong, expired or revoked. Create a new one.")
    if status in (403, 409, 422) and SECRET_DETECTED.search(said):
        return Rejected(f"GitHub takes a text in the asset for a secret and refuses its document ({said}).")
    if status in (403, 409, 422) and PROTECTED.search(said):
        return ProtectedBranch(name, branch, said, by_request=by_request)
    if status == 403 and "archived" in said:
        return InvalidConfig(f"{name} is archived: nothing can be committed to it.")
    if status == 403:
        return AuthFailed(f"The token may not do this in {name} ({said}): it needs {NEEDED_PERMISSION}.")
    if status in (301, 307, 308):
        # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        sentence = f"The repository {name} was renamed or moved: give its new name."
        return InvalidConfig(sentence, {"repository": ["was renamed or moved"]})
    if status in (404, 422) and NO_BRANCH.match(said):
        return NoBranch(name, branch)
    if status == 404:
        return InvalidConfig(
            f"There is no repository {name} that this token can reach: check the names and the token's access.",
            {"repository": ["does not exist, or the token cannot see it"]},
        )
    if status == 409 or (status == 422 and CHANGED.search(said)):
        return Conflict(f"Branch {branch} keeps changing during the commit ({said}).")
    if status == 422:
        return InvalidConfig(f"GitHub refused the request ({said}{reasons(response)}).")
    return error_for(response, "GitHub", said)


def _is_rate_limit(response: Response, said: str) -> bool:
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    marks = response.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in response.headers
    return response.status == 429 or (response.status == 403 and (marks or "rate limit" in said.lower()))


def _limit_wait(response: Response) -> float:
    """As the page above says: `Retry-After`, else the reset if the limit is used up, else a minute."""
    wait = retry_after(response)
    if wait is None and response.headers.get("x-ratelimit-remaining") == "0":
        wait = reset_after(response, "x-ratelimit-reset")
    return wait or RATE_LIMIT_WAIT_SECONDS


def reasons(response: Response) -> str:
    """What GitHub's list of errors says, e.g. `; Hook already exists on this repository`; empty if there is none."""
    found = [excerpt(error.get("message")) for error in objects_at(response, "errors")]
    return "".join(f"; {reason}" for reason in found if reason)
