"""The types of Google Drive's configuration fields."""

import re
from typing import Annotated

from pydantic import AfterValidator

from ...core.markers import Matches

_ID = r"[A-Za-z0-9_-]{10,128}"
# As the browser shows it and as "Copy link" gives it, with or without the number of the account: …/drive/u/0/folders/…
_LINK = (
    rf"https://drive\.google\.com/(?:drive/(?:u/\d+/)?folders/(?P<path>{_ID})|open\?id=(?P<query>{_ID}))(?:[/?&#].*)?"
)


def _id_in(text: str) -> str:
    """The id of a folder, of which a link may have been pasted."""
    found = re.fullmatch(_LINK, text)
    return (found["path"] or found["query"]) if found else text


FolderId = Annotated[
    str,
    Matches(
        rf"^(?:root|{_ID}|{re.sub(r'[?]P<[a-z]+>', '?:', _LINK)})$",
        "the link of a folder, or its id",
        "https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOp",
    ),
    AfterValidator(_id_in),
]
