"""Numbers as people write them, in their language."""

from django.utils.formats import number_format


def count(number: int) -> str:
    """`1,204`; in German `1.204`."""
    return number_format(number, use_l10n=True, force_grouping=True)
