"""Sessions of browsers in the database, with the user, so that those of one user can be listed and ended.

https://docs.djangoproject.com/en/5.2/topics/http/sessions/#extending-database-backed-session-engines
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from .models import BrowserSession

OPENED = "opened"  # what `browser_sessions.on_signed_in` keeps in a session: the values of its columns


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        row = super().create_model_instance(data)
        assert isinstance(row, BrowserSession)
        if data.get(SESSION_KEY):
            row.user_id = int(data[SESSION_KEY])
            opened = data.get(OPENED, {})
            row.opened_at = datetime.fromisoformat(opened["opened_at"]) if opened else None
            row.address, row.browser = opened.get("address"), opened.get("browser", "")
        return row
