"""The database: DATABASE_URL, or SQLite below DATA_DIR."""

from typing import Any

import dj_database_url

from invenicum.env import address, env, folder, secret
from invenicum.settings.addresses import DATA_DIR

DATABASE_URL = secret("DATABASE_URL")
if DATABASE_URL:
    address(
        "DATABASE_URL", DATABASE_URL, ("postgres", "postgresql", "sqlite"), "postgres://user:password@host:5432/name"
    )
    _database: dict[str, Any] = {**dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
    DATABASES = {"default": _database}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        DATABASES["default"]["ENGINE"] = "invenicum.postgresql"
        # A pooler such as PgBouncer gives each transaction another session, and a server's cursor belongs to one.
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
        # A host that no longer responds is given up after seconds; the system's timeout is a quarter of an hour.
        # Options in DATABASE_URL take precedence.
        DATABASES["default"]["OPTIONS"] = {
            "connect_timeout": 5,  # seconds
            "tcp_user_timeout": 10_000,  # milliseconds, for what was sent; keepalives are for a response awaited
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            **DATABASES["default"].get("OPTIONS", {}),
        }
else:
    folder("DATA_DIR", DATA_DIR)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "db.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # A writer waits at BEGIN; a transaction that becomes a writer later would fail at once.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # In WAL mode NORMAL survives a crash of the process; only a power cut can lose the last commits.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
            },
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    }

# Seconds that a worker waits for one statement, before it gives it up and tries again.
STATEMENT_TIMEOUT = env.float("STATEMENT_TIMEOUT", 15.0)
# How large the database may become, for an alert before it is; 0 if that is not known.
DATABASE_MAX_BYTES = env.int("DATABASE_MAX_BYTES", 0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
