CREATE TABLE integration_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    batch TEXT,
    problem TEXT
);
CREATE INDEX integration_outbox_batch ON integration_outbox (batch);
CREATE TABLE integration_outbox_lease (id INTEGER PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL);
