"""One commit of several files at GitHub, with its Git database: https://docs.github.com/en/rest/git"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ...core.answers import text_at
from ...core.http import Flow, Response
from ...families.documents import Stored
from ...families.git_groups import GroupingConnector


class GitHubCommits(GroupingConnector):
    def commit(
        self,
        changes: Mapping[str, bytes | None],
        found: Mapping[str, Stored],
        message: str,
        config: Any,
        base: Response | None = None,
    ) -> Flow[None]:
        assert base is not None, "single files are written by another way"
        tip, tree = text_at(base, "commit", "sha"), text_at(base, "commit", "commit", "tree", "sha")
        entries = [_entry(path, content) for path, content in changes.items()]
        tree = yield from self._create("trees", {"base_tree": tree, "tree": entries}, config)
        commit = yield from self._create("commits", {"message": message, "tree": tree, "parents": [tip]}, config)
        # Without force GitHub refuses what is not a fast forward: the branch has changed since its tip was read.
        path = f"/git/refs/heads/{quote(config.branch)}"
        response = yield self.request("PATCH", path, config, {"sha": commit, "force": False})
        if not response.ok:
            yield from self.refuse(response, config)

    def _create(self, kind: str, payload: dict[str, Any], config: Any) -> Flow[str]:
        """The id of a new object of the Git database, which nothing shows yet."""
        response = yield self.request("POST", f"/git/{kind}", config, payload)
        if not response.ok:
            yield from self.refuse(response, config)
        return text_at(response, "sha")


def _entry(path: str, content: bytes | None) -> dict[str, Any]:
    state = {"sha": None} if content is None else {"content": content.decode()}
    return {"path": path, "mode": "100644", "type": "blob", **state}
