"""Gunicorn's settings: `gunicorn -c python:invenicum.gunicorn invenicum.wsgi`."""

import os

from invenicum import settings

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{settings.PORT}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 8
keepalive = 30
# A request line may hold an OAuth code, so there is no access log here; a proxy in front can leave it out.
accesslog = None
logconfig_dict = settings.LOGGING
loglevel = "warning" if settings.EMBEDDED else "info"
control_socket_disable = True
limit_request_line = 8190
