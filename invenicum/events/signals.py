"""Signals for the layers above."""

from django.dispatch import Signal

# Sent before events are published for a request, with `owners`, the primary keys of their owners. A receiver refuses
# them by raising QuotaExceeded; it must do so if it would have to ask the database and `may_query` is False.
events_offered = Signal()

# Sent inside the publishing transaction with `events`, a list of Event just inserted. A receiver that raises
# undoes the publishing and the change that caused it.
events_published = Signal()
