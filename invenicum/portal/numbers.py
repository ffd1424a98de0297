"""Numbers as people write them, in their language."""

from django.utils.formats import number_format


def count(value: float) -> str:
    """`1,204`; in German `1.204`."""
    return str(number_format(round(value), use_l10n=True, force_grouping=True))
