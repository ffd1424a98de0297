"""The types of Google Drive's configuration fields."""

from typing import Annotated

from ...core.markers import Matches

FolderId = Annotated[
    str,
    Matches(
        r"^(?:root|[A-Za-z0-9_-]{10,128})$", "the id of a folder, the last part of its address", "1AbCdEfGhIjKlMnOp"
    ),
]
