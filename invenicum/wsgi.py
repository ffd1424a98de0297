import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from invenicum.api.chunked import with_chunked_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")

application = with_chunked_bodies(get_wsgi_application(), settings.API_MAX_BODY)
