"""What an action of the console is, and what all of them use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext

from integrations.models import Integration
from integrations.registry import UnknownType
from integrations.registry import get as connector_of
from invenicum.accounts.models import User
from invenicum.plots import write_count

from .overview import service_name

COUNT_MOST = 10_000  # above, the page says "more than"

Query = Mapping[str, str]
Row = TypeVar("Row", bound=Model)


class NotThere(LookupError):
    """What the query names does not exist, or has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: a sentence for the operator and the audit trail, whose data and which type it was about."""

    sentence: str
    owner: User | None = None
    type: str = ""


class ConsoleAction:
    """An action of the console.

    name: in its address. title: of its page, and of its entry in the audit trail. button: the words of the button.
    permission: without which it is refused. erases: whether it cannot be undone.
    """

    name: ClassVar[str]
    title: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    permission: ClassVar[str]
    erases: ClassVar[bool] = False

    def __init__(self, query: Query, operator: User):
        """Raises NotThere."""
        self.operator = operator
        self.read(query)

    def read(self, query: Query) -> None:
        """Takes what it is about from the query of its page. Raises NotThere."""

    def effect(self) -> str:
        """What it would do now, counted, in a sentence. It changes nothing."""
        raise NotImplementedError

    def run(self) -> Done:
        """Does it."""
        raise NotImplementedError


class OfType(ConsoleAction):
    """An action on all integrations of a type."""

    type: str

    def read(self, query: Query) -> None:
        self.type = query.get("type", "")
        try:
            connector_of(self.type)
        except UnknownType:
            raise NotThere from None

    def integrations(self) -> QuerySet[Integration]:
        return Integration.objects.live().without_secrets().filter(type=self.type)

    def of_service(self, sentence: str, count: int) -> str:
        return sentence % {"count": write_count(count), "service": service_name(self.type)}


def bounded(count: int) -> str:
    """A count that was bounded by COUNT_MOST + 1, in words: `1,204`, `More than 10,000`."""
    if count > COUNT_MOST:
        return gettext("More than %(count)s") % {"count": write_count(COUNT_MOST)}
    return write_count(count)


def find(rows: QuerySet[Row], key: str) -> Row:
    """The row with this primary key, as a query has it. Raises NotThere."""
    try:
        found = rows.filter(pk=key).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise NotThere
    return found
