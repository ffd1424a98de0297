"""What the console's templates need beyond Django's own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

register = template.Library()

_CELL = re.compile(r"<(td|th)\b")


@register.simple_tag
def labelled_cells(cells: Sequence[str], headers: Sequence[Mapping[str, Any]]) -> SafeString:
    """The cells of a list's row, each with its column's name: on a phone a row is shown without the head."""
    texts = [strip_tags(str(header["text"])).strip() for header in headers]
    labelled = (
        _CELL.sub(rf'<\1 data-label="{escape(capfirst(text))}"', str(cell), count=1)
        for cell, text in zip(cells, texts, strict=False)
    )
    return mark_safe("".join(labelled))  # noqa: S308 - Django's own cells


@register.filter
def chosen(choices: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The choice of a filter that is selected, and whether it leaves anything out: the first one shows all."""
    for place, choice in enumerate(choices):
        if choice["selected"]:
            return {"words": choice["display"], "narrows": place > 0}
    return {"words": "", "narrows": False}
