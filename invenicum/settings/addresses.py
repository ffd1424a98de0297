"""Where the service is: its folders, its public address, and the web server."""

from pathlib import Path

from environs import validate

from invenicum.env import address, env

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(env.str("DATA_DIR", "") or BASE_DIR / ".data").resolve()

HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
WEB_WORKERS = env.int("WEB_WORKERS", 2, validate=validate.Range(min=1))  # processes
WEB_THREADS = env.int("WEB_THREADS", 8, validate=validate.Range(min=1))  # of each process, that run Django
WEB_BODY_MEMORY = env.int("WEB_BODY_MEMORY", 64 * 1024 * 1024)  # bytes of request bodies that each process holds
# The address at which people and providers reach this service: callbacks, hooks and links are built from it.
PUBLIC_URL = (env.str("PUBLIC_URL", "") or f"http://localhost:{PORT}").rstrip("/")
address("PUBLIC_URL", PUBLIC_URL, ("https", "http"), "https://integrations.example.com")
