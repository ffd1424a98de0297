"""Signals about integrations. All are sent in the transaction of the change, with the argument `integration`."""

from django.dispatch import Signal

integration_resumed = Signal()  # it is active again: its waiting deliveries may go out
integration_stopped = Signal()  # it is paused, disabled or must be connected again: its pending deliveries wait
integration_deleted = Signal()  # its pending deliveries will never go out
target_changed = Signal()  # it was saved with another address or other credentials: they may work
remote_state_changed = Signal()  # the provider has registered its hook, and told the identifiers that it uses
