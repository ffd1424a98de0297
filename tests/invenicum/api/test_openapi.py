import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, environment

FIRST_REQUESTS = """
import sys, threading
import django
django.setup()
from django.test import Client

sys.setswitchinterval(1e-5)  # seconds: so that the threads meet on a machine with one core too
start, statuses = threading.Barrier(8), []

def ask():
    client = Client(raise_request_exception=False, headers={"Host": "localhost"})
    start.wait()
    statuses.append(client.get("/schema").status_code)

threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(statuses)
"""


def test_the_first_requests_of_a_process_all_get_the_document(db: None, tmp_path: Path) -> None:
    env = environment(DJANGO_SETTINGS_MODULE="invenicum.settings", DATA_DIR=str(tmp_path), LOG_LEVEL="ERROR")
    answer = subprocess.run(
        [sys.executable, "-c", FIRST_REQUESTS], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == str([200] * 8), answer.stderr[-2000:]
