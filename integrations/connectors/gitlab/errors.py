"""GitLab's answers other than 2xx, as errors with a sentence that tells the user what to do."""

import re

from ...core.answers import error_for, excerpt, field_of, reset_after, retry_after
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited, Rejected
from ...core.http import Response
from ...families.documents import Conflict
from ...families.git import NoBranch

# https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
CONFLICTING_CHANGE = re.compile(r"already exists|doesn't exist|has changed since|could not update", re.IGNORECASE)
# https://docs.gitlab.com/user/application_security/secret_detection/secret_push_protection/
SECRET_DETECTED = re.compile(r"push blocked: secrets|secrets detected", re.IGNORECASE)
# https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/api/helpers.rb (find_project!)
MOVED = "not allowed for moved projects"
RATE_LIMIT_WAIT_SECONDS = 60.0  # if GitLab does not say how long


def gitlab_error(response: Response, name: str, branch: str, *, by_request: bool = False) -> IntegrationError:
    """The error for a status other than 2xx, about the project `name` and its branch.

    `by_request`: whether merge requests are opened.
    """
    # https://docs.gitlab.com/api/rest/troubleshooting/
    status, said = response.status, message_of(response)
    if status == 401:
        return AuthFailed("GitLab refused the token: it is wrong, expired or revoked. Create a new one.")
    if status == 429:
        wait = retry_after(response) or reset_after(response, "ratelimit-reset")
        return RateLimited("GitLab asks to slow down.", retry_after=wait or RATE_LIMIT_WAIT_SECONDS)
    if status == 301 or MOVED in said:
        sentence = f"The project {name} was renamed or moved: give its new path, or its number."
        return InvalidConfig(sentence, {"project": ["was renamed or moved"]})
    if "push into this branch" in said:
        others = "" if by_request else ", choose another branch, or turn pullRequest on"
        return AuthFailed(f"The token may not push to branch {branch} of {name}: let its role push{others}.")
    if SECRET_DETECTED.search(said):
        return Rejected(f"GitLab takes a text in the asset for a secret and refuses its document ({said}).")
    if status == 403:
        needed = "the scope api and the role Developer"
        if field_of(response, "error") == "insufficient_granular_scope":
            needed = "Project: Read, Branch: Read, Repository: Read and Commit: Create"
        return AuthFailed(f"The token may not do this in {name} ({said}): it needs {needed}.")
    if status == 404 and "Commit" not in said and "Branch" not in said:
        return InvalidConfig(
            f"There is no project {name} that this token can reach: check the path and the token's access.",
            {"project": ["does not exist, or the token cannot see it"]},
        )
    if status == 404 or "when you are on a branch" in said:
        return NoBranch(name, branch)
    if status == 409 or (status == 400 and CONFLICTING_CHANGE.search(said)):
        return Conflict(f"Branch {branch} keeps changing during the commit ({said}).")
    if status in (400, 422):
        return InvalidConfig(f"GitLab refused the request ({said}).")
    return error_for(response, "GitLab", said)


def message_of(response: Response) -> str:
    """GitLab's error message, which has one of three names and may be a list or an object."""
    for name in ("message", "error_description", "error"):
        if said := field_of(response, name):
            return excerpt(said if isinstance(said, str) else str(said))
    return ""
