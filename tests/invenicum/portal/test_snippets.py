"""The code that the portal and the documentation give receivers, run on right and wrong requests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrations.core.signing import generate_secret, standard_key, standard_signature
from invenicum.portal.verify import LANGUAGES, SNIPPETS
from tests.tools import tool

PAGE = (Path(__file__).parents[3] / "docs/verifying-webhooks.md").read_text()
BODY = '{"event":"asset.created","data":{"name":"Käse 🧀"}}'
COMPILER_SECONDS = 240  # `go run` compiles its library first
SECRET, OLD = generate_secret(), generate_secret()
Case = tuple[dict[str, str], str]


def signed(secret: str = SECRET, age: int = 0) -> dict[str, str]:
    moment = int(time.time()) - age
    signature = standard_signature([standard_key(OLD), standard_key(secret)], "evt_1", moment, BODY.encode())
    return {"webhook-id": "evt_1", "webhook-timestamp": str(moment), "webhook-signature": signature}


def cases() -> list[tuple[Case, bool]]:
    """Headers and secret, and whether the request is right."""
    return [
        ((signed(), SECRET), True),
        ((signed(), generate_secret()), False),
        ((signed(age=400), SECRET), False),
        ((signed(age=-400), SECRET), False),
        ((signed() | {"webhook-id": "evt_2"}, SECRET), False),
        ((signed() | {"webhook-signature": "v1,x v2,y"}, SECRET), False),
    ]


def command_for(ending: str, folder: Path) -> list[str]:
    """Writes a program that reads body, headers and secret of each case, and prints `true` or `false` of it."""
    code = (SNIPPETS / f"verify.{ending}").read_text()
    programs: dict[str, tuple[str, str, list[str]]] = {
        "py": (
            "run.py",
            f"{code}\nimport json, sys\nfor headers, secret in json.load(sys.stdin)['cases']:\n"
            "    print(json.dumps(verify(sys.argv[1].encode(), headers, secret)))",
            [sys.executable],
        ),
        "js": (
            "run.js",
            f"{code}\nfor (const [headers, secret] of JSON.parse(require('fs').readFileSync(0)).cases)\n"
            "  console.log(verify(Buffer.from(process.argv[2]), headers, secret));",
            ["node"],
        ),
        "go": (
            "run.go",
            code.replace("package webhook", "package main").replace(
                "import (", 'import (\n"encoding/json"\n"fmt"\n"os"'
            )
            + """
func main() {
	var given struct { Cases [][2]json.RawMessage }
	json.NewDecoder(os.Stdin).Decode(&given)
	for _, one := range given.Cases {
		var plain map[string]string; var secret string
		json.Unmarshal(one[0], &plain); json.Unmarshal(one[1], &secret)
		fmt.Println(Verify([]byte(os.Args[1]), func(name string) string { return plain[name] }, secret))
	}
}
""",
            ["go", "run"],
        ),
        "php": (
            "run.php",
            f"{code}\nforeach (json_decode(file_get_contents('php://stdin'), true)['cases'] as [$headers, $secret])\n"
            '    echo json_encode(verify($argv[1], $headers, $secret)), "\\n";',
            ["php"],
        ),
        "rb": (
            "run.rb",
            f"{code}\nrequire 'json'\nJSON.parse($stdin.read)['cases'].each do |headers, secret|\n"
            "  puts verify(ARGV[0], headers, secret)\nend",
            ["ruby"],
        ),
        "java": ("Run.java", java_program(code), ["java", "-Dfile.encoding=UTF-8"]),
    }
    name, program, command = programs[ending]
    (folder / name).write_text(program)
    return [*command, str(folder / name), BODY]


def java_program(code: str) -> str:
    """Java has no JSON: the cases are literals. The first class of a file is the one that is run."""
    imports, _, body = code.partition("\nclass Webhook")
    calls = []
    for (headers, secret), _ in cases():
        pairs = ", ".join(json.dumps(text) for pair in headers.items() for text in pair)
        calls.append(f"System.out.println(Webhook.verify(body, Map.of({pairs}), {json.dumps(secret)}))")
    lines = ['byte[] body = args[0].getBytes("UTF-8")', *calls, ""]
    main = f"class Run {{ public static void main(String[] args) throws Exception {{\n{'; '.join(lines)}\n}} }}"
    return f"{imports}\n{main}\nclass Webhook{body}"


@pytest.mark.parametrize("ending", LANGUAGES)
def test_the_code_takes_what_is_right_and_refuses_the_rest(ending: str, tmp_path: Path) -> None:
    command = command_for(ending, tmp_path)
    if command[0] != sys.executable:
        command[0] = tool(command[0])
    wanted = cases()
    given = json.dumps({"cases": [case for case, _ in wanted]})
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=COMPILER_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(is_right).lower() for _, is_right in wanted]


@pytest.mark.parametrize("ending", LANGUAGES)
def test_the_documentation_has_the_same_code(ending: str) -> None:
    assert f"\n{(SNIPPETS / f'verify.{ending}').read_text()}```" in PAGE
