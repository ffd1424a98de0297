"""What the portal's templates need to write times."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html

from invenicum.portal.relative_times import exact, relative
from invenicum.timestamps import format_timestamp

register = template.Library()


@register.filter
def when(moment: datetime | None) -> str:
    """`2 min ago` as a `<time>` that shows the exact time on hover; empty without a time."""
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        format_timestamp(moment),
        exact(moment),
        relative(moment, timezone.now()),
    )
