import json
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.text import Text

from invenicum.env import secret as secret_of_environment

from ...receiver import Arrival, Receiver


class Command(BaseCommand):
    help = "Receives webhooks on this machine, verifies both signatures and prints what arrived, until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; a free one if it is not given")
        parser.add_argument(
            "--secret", help="the signing secret, or the public key; RECEIVER_SECRET if it is not given"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object per line")

    def handle(self, *args: Any, port: int, secret: str | None, json: bool, **options: Any) -> None:
        secret = secret or secret_of_environment("RECEIVER_SECRET")
        if not secret:
            raise CommandError("Give the signing secret: --secret whsec_… (or the variable RECEIVER_SECRET).")
        report = _print_json if json else _Printer()
        try:
            receiver = Receiver(port, secret, time.time, report)
        except OSError as error:
            raise CommandError(f"Cannot listen on port {port}: {error.strerror}.") from None
        # Also for SIGINT: a shell's background job starts with it ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        with receiver:
            self.stdout.write(f'{{"listening": "{receiver.address}"}}' if json else f"Receiver on {receiver.address}")
            self.stdout.flush()
            with suppress(KeyboardInterrupt):
                receiver.serve_forever()


def _print_json(arrival: Arrival) -> None:
    # One write per line: arrivals are reported from several threads.
    sys.stdout.write(json.dumps({**asdict(arrival), "verified": arrival.verified}) + "\n")
    sys.stdout.flush()


class _Printer:
    """Prints an arrival as one line for a person."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)

    def __call__(self, arrival: Arrival) -> None:
        body = arrival.body or {}
        data = body.get("data") if isinstance(body.get("data"), dict) else {}
        line = Text.assemble(
            (time.strftime("%H:%M:%S"), "dim"),
            "  received ",
            (harmless(str(body.get("event", "not an event"))), "bold cyan"),
            f" {harmless(_subject(data or {}))}  ",
            _verdict(arrival),
            (f"  {harmless(arrival.id)}", "dim"),
        )
        self.console.print(line, soft_wrap=True)


def harmless(text: str) -> str:
    """`text` with what would control a terminal written out, e.g. `\\x1b` for an escape: any sender chooses it."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _subject(data: dict[str, Any]) -> str:
    return " ".join(str(data[field]) for field in ("assetId", "name") if field in data)


def _verdict(arrival: Arrival) -> tuple[str, str]:
    if arrival.verified:
        return ("✓ both signatures verified" + (" (seen before)" if arrival.duplicate else ""), "green")
    wrong = [
        name
        for name, verified in (
            ("X-Invenicum-Signature", arrival.invenicum_verified),
            ("webhook-signature", arrival.standard_verified),
        )
        if not verified
    ]
    return (f"✗ not verified: {' and '.join(wrong)}", "bold red")
