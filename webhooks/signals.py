"""Signals for the layers above."""

from django.dispatch import Signal

# Sent every few seconds by each process that does the engine's duties, outside of any transaction: what watches the
# service runs then. A receiver that raises does not stop the others.
watch_due = Signal()
