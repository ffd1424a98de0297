"""The documents and folders of an integration in Google Drive, by ids that are remembered.

Names are not unique there, people move and rename what they like, and the search lags behind what was written. So the
id of a file is taken from Drive and remembered before the file is made. A later run makes or changes that very file,
whatever became of the answer to an earlier one. Only if nothing is remembered, as after the integration was deleted and
connected again, is a document searched for by the property that marks it.
"""

from dataclasses import dataclass
from typing import Any

from ...core.answers import field_of, text_at
from ...core.errors import AuthFailed, InvalidConfig
from ...core.http import Flow, Response
from ...core.memory import forget, recall, remember
from ...families.documents import MAX_CONFLICT_ATTEMPTS, Conflict
from ...families.google import google_error
from .api import ALL_DRIVES, NAME, DriveApi
from .documents import document_mark

DEFAULT_FOLDER = "Invenicum"
FOLDER_TYPE = "application/vnd.google-apps.folder"
MARK_PROPERTY = "invenicum"
NOT_VISIBLE = (
    "There is no such folder, or Invenicum may not see it. With the permission that it usually asks for it sees only "
    "folders that it made: leave folderId empty, or have the operator of this service ask for access to existing "
    "folders (OAUTH_GOOGLE_DRIVE_SCOPES) and connect again."
)


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """What one integration keeps in Drive, below the folder `folder_id`; None is a folder that is made in My Drive."""

    drive: DriveApi
    folder_id: str | None

    @property
    def _is_elsewhere(self) -> bool:
        return self.folder_id not in (None, "root")

    def known_id(self, path: str) -> Flow[str | None]:
        """The id of the document at `path`, whether or not it has been made yet. None if there never was one."""
        mark = document_mark(path, self.folder_id)
        file_id = yield from recall(mark)
        if file_id is None:
            query = f"appProperties has {{ key='{MARK_PROPERTY}' and value='{mark}' }}"
            found = yield from self.drive.find(query, everywhere=self._is_elsewhere)
            file_id = (yield from remember(mark, found)) if found else None
        return file_id

    def write(self, folders: list[str], path: str, content: bytes) -> Flow[None]:
        """Writes the document at `path`, into the last of `folders`.

        Only where it is can change during that, so that `content`, which may be made of a document that is now in the
        bin, stays what it is.
        """
        for _ in range(MAX_CONFLICT_ATTEMPTS - 1):
            try:
                return (yield from self._write_once(folders, path, content))
            except Conflict:
                continue
        return (yield from self._write_once(folders, path, content))

    def _write_once(self, folders: list[str], path: str, content: bytes) -> Flow[None]:
        """Raises Conflict if it has to be tried again."""
        mark = document_mark(path, self.folder_id)
        metadata = {"appProperties": {MARK_PROPERTY: mark}, "mimeType": "application/json"}
        file_id = yield from self.known_id(path)
        is_new = file_id is None
        if file_id is None:
            file_id = yield from remember(mark, (yield from self.drive.new_id()))
        elif (yield from self._overwrite(file_id, mark, metadata, content)):
            return
        parent = yield from self._folder(folders)
        own = {"id": file_id, "name": path.rpartition("/")[2], "parents": [parent]}
        response = yield self.drive.upload("POST", metadata | own, content)
        if response.status == 409:  # an earlier run has made it, whose answer was lost
            if (yield from self._overwrite(file_id, mark, metadata, content)):
                return
        elif response.status == 404:
            raise (yield from self._missing(folders))
        elif response.ok and not field_of(response, "trashed"):
            return
        elif response.ok:  # like its folder
            yield from self.check_target()
            yield from self._forget_folders(folders)
        elif response.status != 400 or is_new:  # 400: an id for another account, which was never used
            raise google_error(response, NAME)
        yield from forget(mark, file_id)
        raise Conflict("The file or its folder was moved to the bin while it was written.")

    def remove(self, path: str) -> Flow[None]:
        """Moves the document at `path` to the bin, because in shared drives only managers may delete for good."""
        file_id = yield from self.known_id(path)
        if file_id is None:
            return
        response = yield self.drive.request("PATCH", f"files/{file_id}", {"trashed": True}, fields="id", **ALL_DRIVES)
        if not response.ok and response.status != 404:
            raise google_error(response, NAME)
        yield from forget(document_mark(path, self.folder_id), file_id)

    def _overwrite(self, file_id: str, mark: str, metadata: dict[str, Any], content: bytes) -> Flow[bool]:
        """Whether the file now has this content. If not, it is still to be made with this id."""
        response = yield self.drive.upload("PATCH", metadata, content, file_id)
        if response.status == 404:
            return False
        if not response.ok:
            raise google_error(response, NAME)
        if field_of(response, "trashed"):  # in the bin it stays as it is, and the asset gets another file
            yield from self.check_target()  # unless it is there with the owner's folder, which may be restored
            yield from forget(mark, file_id)
            raise Conflict("The file is in the bin.")
        return True

    def _folder(self, names: list[str]) -> Flow[str]:
        """The id of the folder at the path `names`; folders that were never made are made."""
        parent = self.folder_id or "root"
        for name, mark in self._marks(names):
            folder_id = yield from recall(mark)
            if folder_id is None:
                found = yield from self.drive.find(_folder_query(name, mark, parent), everywhere=self._is_elsewhere)
                folder_id = yield from remember(mark, found or (yield from self.drive.new_id()))
                if found is None:
                    made = yield from self._make_folder(folder_id, name, mark, parent)
                    if made.status == 404:
                        raise (yield from self._missing(names))
            parent = folder_id
        return parent

    def _make_folder(self, folder_id: str, name: str, mark: str, parent: str) -> Flow[Response]:
        """Makes a folder. It may exist already (409), or `parent` may not (404); another refusal is raised."""
        own = {"id": folder_id, "name": name, "mimeType": FOLDER_TYPE, "parents": [parent]}
        marked = own | {"appProperties": {MARK_PROPERTY: mark}}
        response = yield self.drive.request("POST", "files", marked, fields="id", **ALL_DRIVES)
        if not response.ok and response.status not in (404, 409):
            raise google_error(response, NAME)
        return response

    def _missing(self, names: list[str]) -> Flow[Conflict]:
        """Makes the folders whose ids are remembered although they do not exist; if there are none, they are forgotten.

        Returns the error with which the document is written again.
        """
        yield from self.check_target()
        parent, is_repaired = self.folder_id or "root", False
        for name, mark in self._marks(names):
            folder_id = yield from recall(mark)
            if folder_id is None or is_repaired:
                break
            is_repaired = (yield from self._make_folder(folder_id, name, mark, parent)).ok
            parent = folder_id
        if not is_repaired:
            yield from self._forget_folders(names)
        return Conflict("The folder was deleted while a file was written.")

    def check_target(self) -> Flow[str]:
        """The name of the folder that the owner has chosen. Raises InvalidConfig or AuthFailed if it is unsuitable."""
        if self.folder_id is None:
            return DEFAULT_FOLDER
        fields = "name,mimeType,trashed,capabilities(canAddChildren)"
        response = yield self.drive.request("GET", f"files/{self.folder_id}", fields=fields, **ALL_DRIVES)
        if response.status == 404:
            raise InvalidConfig(NOT_VISIBLE, {"folderId": ["is not visible to Invenicum"]})
        if not response.ok:
            raise google_error(response, NAME)
        if field_of(response, "mimeType") != FOLDER_TYPE:
            raise InvalidConfig("This is not a folder: choose another one.", {"folderId": ["must be a folder"]})
        if field_of(response, "trashed"):
            sentence = "The folder is in the bin: restore it, or choose another one."
            raise InvalidConfig(sentence, {"folderId": ["is in the bin"]})
        if field_of(response, "capabilities", "canAddChildren") is False:
            raise AuthFailed("The connected account may not add files to this folder: let it, or choose another one.")
        return text_at(response, "name")

    def _forget_folders(self, names: list[str]) -> Flow[None]:
        for _, mark in self._marks(names):
            folder_id = yield from recall(mark)
            if folder_id:
                yield from forget(mark, folder_id)

    def _marks(self, names: list[str]) -> list[tuple[str, str]]:
        """Each folder's name and mark."""
        paths = ["/".join(names[: depth + 1]) + "/" for depth in range(len(names))]
        return [(name, document_mark(path, self.folder_id)) for name, path in zip(names, paths, strict=True)]


def _folder_query(name: str, mark: str, parent: str) -> str:
    """Finds the folder that is marked, wherever it is now, and one of that name that somebody made there before."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    marked = f"appProperties has {{ key='{MARK_PROPERTY}' and value='{mark}' }}"
    return f"mimeType = '{FOLDER_TYPE}' and ({marked} or (name = '{quoted}' and '{parent}' in parents))"
