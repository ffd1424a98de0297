"""What Dropbox's refusals mean.

https://developers.dropbox.com/error-handling-guide, and each error with its meaning in `auth.stone`, `common.stone` and
`files.stone` of https://github.com/dropbox/dropbox-api-spec
"""

from ...core.answers import error_for, excerpt, field_of, retry_after
from ...core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
    bounded_wait,
)
from ...core.http import Response
from ...families.documents import Conflict

RATE_LIMIT_WAIT_SECONDS = 1.0  # if Dropbox does not say how long
MAX_TAGS = 10
# The first tags, which say only what was done when the path was refused.
ABOUT_THE_PATH = {"path", "path_lookup", "path_write"}
# https://www.dropbox.com/developers/documentation/http/documentation#error-handling: a 400 is plain text. These two
# sentences are about the token all the same.
MALFORMED_TOKEN = ("access token is malformed", 'Invalid authorization value in HTTP header "Authorization"')

Tags = tuple[str, ...]

TOKEN_SENTENCES: dict[Tags, str] = {
    ("expired_access_token",): "The Dropbox access token has expired: connect again with OAuth, or paste a new one.",
    ("user_suspended",): "Dropbox has suspended this account: ask the administrator of its team.",
    ("invalid_account_type", "endpoint"): "Dropbox does not offer this to accounts of this type.",
    ("invalid_account_type", "feature"): "Dropbox does not offer this to accounts of this type.",
    ("team_access_denied",): "The Dropbox team does not allow this: ask its administrator.",
}
# The account may not write there, until somebody lets it.
NOT_ALLOWED: dict[Tags, str] = {
    ("no_write_permission",): "You may not write to this folder of Dropbox: choose another one, or ask its owner.",
    ("access_restricted",): "An administrator of the Dropbox team has restricted what this account may do in this "
    "folder: ask them, or choose another one.",
}
# The target has to be changed.
WRONG_PATH: dict[Tags, str] = {
    ("not_found",): "There is no such folder in Dropbox: create it, or choose another one.",
    ("not_folder",): "The path leads to a file in Dropbox: choose a folder.",
    ("conflict", "file_ancestor"): "A part of the path is a file in Dropbox: choose a folder.",
    ("conflict", "folder"): "A folder in Dropbox has the name of the document: rename it.",
    ("team_folder",): "Dropbox allows no files directly there: choose a folder below.",
    ("operation_suppressed",): "Dropbox allows no files directly there: choose a folder below.",
    ("encryption_not_supported",): "Files in this folder have to be encrypted, which Dropbox does not offer to apps: "
    "choose another one.",
}
# Only this one document is refused.
REFUSED_DOCUMENT: dict[Tags, str] = {
    ("disallowed_name",): "Dropbox saves no file of this name.",
    ("restricted_content",): "Dropbox has restricted the content of this document.",
    ("payload_too_large",): "The document is too large for Dropbox.",
    ("not_file",): "A folder in Dropbox has the name of the document.",
    ("unsupported_file",): "What has the name of the document in Dropbox is no file that can be read.",
}
MAY_PASS: dict[Tags, str] = {
    ("locked",): "The file is locked in Dropbox.",
    ("content_hash_mismatch",): "Dropbox did not receive the file as it was sent.",
}


def tags_of(response: Response) -> Tags:
    """The tags of Dropbox's error, from the outermost: `("path", "conflict", "file")`. Empty if it has none.

    The text in `error_summary` is for people: it ends with any number of dots.
    """
    found: list[str] = []
    node = field_of(response, "error") if not response.ok else None
    while isinstance(node, dict) and len(found) < MAX_TAGS:
        tag = node.get(".tag")
        if isinstance(tag, str) and tag:
            found.append(excerpt(tag))
            node = node.get(tag, node.get("reason"))
        else:
            node = node.get("reason")
    return tuple(found)


def path_tags_of(response: Response) -> Tags:
    """The tags without the first one if that says only that the path was refused: `("conflict", "file")`."""
    tags = tags_of(response)
    return tags[1:] if tags[:1] and tags[0] in ABOUT_THE_PATH else tags


def dropbox_error(response: Response) -> IntegrationError:
    """The error for a response other than 2xx."""
    status, tags = response.status, path_tags_of(response)
    said = "/".join(tags)
    if tags == ("missing_scope",):
        scope = excerpt(field_of(response, "error", "required_scope"))
        return AuthFailed(f"The connection to Dropbox lacks the permission {scope}: connect again.")
    if status in (401, 403):
        return AuthFailed(TOKEN_SENTENCES.get(tags, f"Dropbox refused the access token ({said or status})."))
    if status == 429 or tags in (("too_many_requests",), ("too_many_write_operations",)):
        wait = retry_after(response) or bounded_wait(field_of(response, "error", "retry_after"))
        return RateLimited("Dropbox asks to slow down.", retry_after=wait or RATE_LIMIT_WAIT_SECONDS)
    if status == 409:
        return _refusal(tags, said)
    if status == 422:
        sentence = "The account has no access to the space of its Dropbox team: choose its own folder."
        return InvalidConfig(sentence, {"space": ["is not accessible"]})
    if status == 400:
        text = excerpt(response.text)
        if any(sentence in text for sentence in MALFORMED_TOKEN):
            return AuthFailed("Dropbox says that the access token is malformed: paste it again.")
        return InvalidConfig(f"Dropbox does not understand the request ({text or status}).")
    return error_for(response, "Dropbox", said)


def _refusal(tags: Tags, said: str) -> IntegrationError:
    """The error for a path or a document that Dropbox refused."""
    if tags == ("conflict", "file"):
        return Conflict("The file keeps changing while it is written.")
    if tags == ("insufficient_space",):
        return ConnectionFailed("Dropbox has no space left: free some, or get more.", fault="target")
    if tags in NOT_ALLOWED:
        return AuthFailed(NOT_ALLOWED[tags])
    if tags in WRONG_PATH:
        detail = "does not exist" if tags == ("not_found",) else "is refused by Dropbox"
        return InvalidConfig(WRONG_PATH[tags], {"path": [detail]})
    if tags in REFUSED_DOCUMENT:
        return Rejected(REFUSED_DOCUMENT[tags])
    if tags in MAY_PASS:
        return ConnectionFailed(MAY_PASS[tags])
    return InvalidConfig(f"Dropbox refused the path ({said or 409}).", {"path": ["is refused by Dropbox"]})
