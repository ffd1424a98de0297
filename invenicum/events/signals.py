"""Signals for the layers above."""

from django.dispatch import Signal

# Sent inside the publishing transaction with `events`, a list of Event just inserted. A receiver that raises
# undoes the publishing and the change that caused it.
events_published = Signal()
