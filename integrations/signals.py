"""What others may listen to. All are sent inside the transaction of the change, with `integration`."""

from django.dispatch import Signal

integration_resumed = Signal()  # active again: what waited may go out
integration_stopped = Signal()  # paused, disabled or in need of a new connection: what is pending waits
integration_deleted = Signal()  # what is pending will never go out
remote_state_changed = Signal()  # the service was brought in line, and said what it calls things
