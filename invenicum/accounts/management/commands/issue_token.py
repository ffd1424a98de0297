from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from invenicum.accounts.models import User

from ...scopes import ALL_SCOPES, USER_SCOPES
from ...tokens import issue_token


class Command(BaseCommand):
    help = "Prints a new access token of a user, and nothing else. Creates the user if missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--scope", action="append", metavar="SCOPE", help="May be given several times; all but those for services."
        )
        parser.add_argument("--days", type=int, default=365, help="How long the token works; 365 unless given.")

    def handle(self, *args: Any, username: str, scope: list[str] | None, days: int, **options: Any) -> None:
        scopes = {name for text in scope or [] for name in text.split()} or USER_SCOPES
        unknown = sorted(scopes - ALL_SCOPES)
        if unknown:
            raise CommandError(f"Unknown scope {', '.join(unknown)}. Known scopes: {', '.join(sorted(ALL_SCOPES))}.")
        if not 1 <= days <= 36500:
            raise CommandError("--days must be from 1 to 36500.")
        self.stdout.write(issue_token(_user(username), scopes, timedelta(days=days)))


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is not None:
        return user
    user = User(username=username)
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    user.save()
    return user
