#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists the commands."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from invenicum.start import errors_in_one_line

    with errors_in_one_line():
        try:
            execute_from_command_line(sys.argv)
        except OperationalError as error:
            if "--traceback" in sys.argv:
                raise
            sys.exit(f"The database cannot be used: {' '.join(str(error).split())}")
