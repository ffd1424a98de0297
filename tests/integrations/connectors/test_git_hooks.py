"""The webhooks that GitHub, GitLab and Bitbucket are asked for: each integration has its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integrations.connectors.bitbucket import Bitbucket
from integrations.connectors.github import GitHub
from integrations.connectors.gitlab import GitLab
from integrations.core.errors import InvalidConfig
from integrations.egress.curl import run_flow
from integrations.families.git import GitConnector
from tests.fakes.bitbucket import FakeBitbucket
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.integrations.connectors import test_bitbucket, test_github, test_gitlab

ALICE, BOB = "0199c0de-0000-7000-8000-00000000000a", "0199c0de-0000-7000-8000-00000000000b"
SITE = "https://api.invenicum.com/webhooks"
OTHER = "https://ci.example.com/hook"


class Place:
    """A connector, a server with its repository, and the configuration of integrations that are connected to it."""

    def __init__(self, connector: type[GitConnector], fake: Any, config: Callable[..., Any]):
        self.fake, self._config = fake, config
        self.connector = connector({"apiUrl": fake.url})

    def config(self, integration: str, url: str = "") -> Any:
        address = url or f"{SITE}/{self.connector.type}"
        parsed = self._config(webhookUrl=address, webhookSecret=f"secret-of-{integration[-1]}")
        return parsed.model_copy(update={"integration_id": integration})

    def save(self, integration: str, state: dict[str, Any], url: str = "") -> dict[str, Any]:
        result: dict[str, Any] = run_flow(self.connector.on_save(self.config(integration, url), state))
        return result

    @property
    def addresses(self) -> list[str]:
        return [hook.get("url") or hook["config"]["url"] for hook in self.fake.hooks.values()]


@contextmanager
def place(number: int) -> Iterator[Place]:
    kinds: list[tuple[type[GitConnector], Any, Callable[..., Any]]] = [
        (GitHub, FakeGitHub, test_github.config),
        (GitLab, FakeGitLab, test_gitlab.config),
        (Bitbucket, FakeBitbucket, test_bitbucket.config),
    ]
    connector, server, config = kinds[number]
    with server() as fake:
        yield Place(connector, fake, config)


each_platform = pytest.mark.parametrize("number", range(3), ids=["github", "gitlab", "bitbucket"])


@each_platform
def test_two_integrations_of_a_repository_have_a_webhook_each(number: int) -> None:
    with place(number) as at:
        alice, bob = at.save(ALICE, {}), at.save(BOB, {})
        type_ = at.connector.type
        assert at.addresses == [f"{SITE}/{type_}/{ALICE}", f"{SITE}/{type_}/{BOB}"]
        run_flow(at.connector.on_delete(at.config(BOB), bob))
        assert at.addresses == [f"{SITE}/{type_}/{ALICE}"]
        assert at.save(ALICE, {}) == alice, "an answer that was lost makes no second one"


@each_platform
def test_its_own_webhook_is_found_on_the_last_page(number: int) -> None:
    with place(number) as at:
        for last in "cdefghijklmnopqrstuvwxyzCDEFGHIJKLMNOPQRSTUVWXYZ":
            at.save(BOB[:-1] + last, {})
        own = at.save(ALICE, {})
        assert at.save(ALICE, {}) == own
        assert len(at.fake.hooks) == 49
        listed = [request for request in at.fake.requests if request.method == "GET"]
        assert "page=3" in listed[-1].path


@each_platform
def test_an_address_that_names_the_integration_already_is_taken_as_it_is(number: int) -> None:
    with place(number) as at:
        own = f"{SITE}/{at.connector.type}/{ALICE}"
        state = at.save(ALICE, {}, own)
        assert at.addresses == [own]
        assert at.save(ALICE, {}, own) == state


@each_platform
def test_a_webhook_of_another_owner_is_never_taken_over(number: int) -> None:
    with place(number) as at:
        at.save(BOB, {}, OTHER)
        (theirs,) = [dict(hook) for hook in at.fake.hooks.values()]
        if isinstance(at.connector, GitHub):  # a repository has one webhook for an address there
            with pytest.raises(InvalidConfig, match="that this integration did not register") as caught:
                at.save(ALICE, {}, OTHER)
            assert list(caught.value.details) == ["webhookUrl"]
        else:
            assert at.save(ALICE, {}, OTHER)["hookId"] != str(theirs.get("id", theirs.get("uuid")))
            assert at.addresses == [OTHER, OTHER]
        assert next(iter(at.fake.hooks.values())) == theirs
