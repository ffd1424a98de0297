"""The newest migration of today's release, on which those of the next one depend."""

from pkgutil import iter_modules

from webhooks import migrations

LATEST = ("webhooks", max(module.name for module in iter_modules(migrations.__path__)))
