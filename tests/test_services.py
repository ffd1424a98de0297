"""Only a test run starts servers: benchmarks and clients' tests import the same code."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMPORT = """
import os
before = dict(os.environ)
import bench.stand, tests.plugin, tests.services
children = open("/proc/self/task/%d/children" % os.getpid()).read()
assert (children, dict(os.environ)) == ("", before), "importing it started servers"
"""


def test_importing_what_starts_servers_starts_none() -> None:
    env = {name: value for name, value in os.environ.items() if name != "INVENICUM_TEST_SERVICES"}
    subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, env=env, check=True, timeout=60)
