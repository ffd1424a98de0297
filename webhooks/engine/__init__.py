"""The delivery engine. The rest of the service uses a few names of it, each from its own module:

- `worker.drain` delivers what is due, and `worker.end_process` is called before a process ends,
- `crashes.release_dead_workers` releases what processes that died had leased,
- `heartbeat.last_drain` says when a worker last looked for work, `heartbeat.progress` whether anything moves,
  and `heartbeat.workers` which workers there are,
- `metrics.EngineCollector` is what Prometheus reads; `metrics.read_counters` and `metrics.read_queue` are its sources,
- `database.statements` inserts deliveries, on the database in use.

They take and return plain values (`values.NewDelivery`, `values.Drained`). The state of a circuit is a property of
`webhooks.models.Lane`. An import contract in `pyproject.toml` closes all other modules to the outside.

Nothing is imported here, so that the modules that need no Django settings (`values`, `lanes`, `circuit`, `schedule`)
can be imported without them.
"""
