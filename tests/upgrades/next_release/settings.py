"""The settings with which `migrate` sees the migrations of the next release."""

import os

from invenicum.settings import *  # noqa: F403

# `migrations` or `forbidden`
MIGRATION_MODULES = {"webhooks": f"tests.upgrades.next_release.{os.environ.get('NEXT_MIGRATIONS', 'migrations')}"}
