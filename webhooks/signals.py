"""Signals for the layers above."""

from django.dispatch import Signal

# Sent by each process that does the engine's duties, outside of any transaction, if one of `watch_conditions` is true:
# what watches the service runs then. A receiver that raises does not stop the others.
watch_due = Signal()
# Asked once in each such process, with `now`, an expression of the database: receivers return the conditions
# (`django.db.models.Exists`) of which one must be true for `watch_due` to be sent.
watch_conditions = Signal()
