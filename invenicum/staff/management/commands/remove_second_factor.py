from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invenicum.accounts.models import User

from ...second_factor import remove


class Command(BaseCommand):
    help = "Removes the second factor of a user who has lost it, if no other member of staff can do so in the admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None or not remove(user):
            raise CommandError(f"There is no user {username!r} with a second factor.")
        self.stdout.write(f"{username} signs in with the password alone, and is asked to set one up if staff need one.")
