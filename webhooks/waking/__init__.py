"""The ways in which a process that publishes wakes those that deliver. `webhooks.wake` chooses one.

- `messages`: Celery messages; with Redis, past Celery to a worker that waits there (`waiting_workers`),
- `notifications`: NOTIFY of PostgreSQL, received by the `deliver` loops of all machines,
- `fifo`: a named pipe in `DATA_DIR`, read by the `deliver` loop of this machine.

The last two have the functions of `wake.LocalWay`.
"""
