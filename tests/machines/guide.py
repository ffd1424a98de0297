"""Reads the commands that a page of docs/ tells a person to run."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def commands(page: str, heading: str, *, after: str = "") -> list[str]:
    """The indented blocks below a heading, as they are written, one text for each block.

    page: e.g. `operations.md`. heading: e.g. `## Backup`. after: words in that section from which on to read.
    """
    section = (DOCS / page).read_text().split(f"\n{heading}\n", 1)[1]
    section = re.split(rf"^#{{1,{heading.count('#')}}} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    section = section.partition(after)[2] if after else section
    blocks = re.findall(r"(?:^    .*\n(?:\s*\n(?=    ))?)+", section, re.MULTILINE)
    assert blocks, f"{page} has no commands below {heading}"
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]
