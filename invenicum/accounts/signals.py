"""Signals for the layers above."""

from django.dispatch import Signal

# Sent with `user` inside the transaction that removes them, before their row is deleted.
account_removed = Signal()
