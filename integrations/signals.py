"""Signals about integrations. All are sent in the transaction of the change, with the argument `integration`."""

from django.dispatch import Signal

integration_resumed = Signal()  # it is active again: its waiting deliveries may go out
integration_stopped = Signal()  # it is paused, disabled or must be connected again: its pending deliveries wait
integration_deleted = Signal()  # its pending deliveries will never go out
# It was saved, connected, resumed, or tested with success: what is held back may be tried. `is_new`: whether its target
# or its credentials are others than before.
target_may_work = Signal()
remote_state_changed = Signal()  # the provider has registered its hook, and told the identifiers that it uses
