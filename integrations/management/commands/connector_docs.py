from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ...documentation import render_index, render_page
from ...registry import all_connectors


class Command(BaseCommand):
    help = "Writes docs/connectors/, one page a connector, from the declarations."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail if a page is not up to date.")
        parser.add_argument("--folder", type=Path, default=Path(settings.BASE_DIR) / "docs" / "connectors")

    def handle(self, *args: Any, check: bool, folder: Path, **options: Any) -> None:
        connectors = list(all_connectors())
        pages = {f"{connector.type}.md": render_page(connector) for connector in connectors}
        pages["README.md"] = render_index(connectors)
        there = {path.name: path.read_text() for path in folder.glob("*.md")}
        stale = sorted(name for name in pages.keys() | there.keys() if pages.get(name) != there.get(name))
        if check and stale:
            raise CommandError(f"Not up to date: {', '.join(stale)}. Run `python manage.py connector_docs`.")
        if check:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            if name in pages:
                (folder / name).write_text(pages[name])
            else:
                (folder / name).unlink()
        self.stdout.write(f"{len(pages)} pages in {folder}, {len(stale)} of them changed.")
