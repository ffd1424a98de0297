"""`python -m tests.clients.dart_syntax FOLDER` reads each Dart file below a folder, and those in its Markdown.

It runs with the packages of requirements/clients.txt, and without the service's. Prints the files with a syntax error,
each with its line, and ends with 1 if there are any.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_dart
from tree_sitter import Language, Node, Parser

BLOCK = re.compile(r"^```dart\n(.*?)^```", re.MULTILINE | re.DOTALL)


def sources(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.dart")):
        yield str(path), path.read_bytes()
    for path in sorted(folder.glob("*.md")):
        for number, block in enumerate(BLOCK.findall(path.read_text()), 1):
            yield f"{path}, example {number}", block.encode()


def first_error(node: Node) -> Node | None:
    """The innermost node that is no Dart."""
    wrong = next((child for child in node.children if child.has_error), None)
    return first_error(wrong) if wrong else node if node.has_error else None


def main(folder: Path) -> int:
    parser = Parser(Language(tree_sitter_dart.language()))
    files = list(sources(folder))
    errors = {name: first_error(parser.parse(source).root_node) for name, source in files}
    for name, error in errors.items():
        if error:
            print(f"{name}:{error.start_point.row + 1}: no Dart")
    print(f"{len(files)} Dart sources read")
    return 1 if any(errors.values()) or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
