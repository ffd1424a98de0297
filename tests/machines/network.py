"""A network for one machine: a cable to this one, which passes on what the machine sends to others."""

import ipaddress
import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

# For measurements between networks (RFC 2544): no network of a company or of a container engine has it.
NETWORKS = ipaddress.ip_network("198.18.0.0/16")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class Network:
    """A network namespace with an address. Ports of this machine are not used, and stay reachable from nowhere else.

    namespace: its file, for `systemd-nspawn --network-namespace-path`.
    address, here: the machine's, and the one at which it reaches this machine.
    """

    def __init__(self) -> None:
        number = os.getpid() % 0x4000
        self.name = name(os.getpid())
        self.namespace = Path("/run/netns", self.name)
        self._network = f"{NETWORKS[number * 4]}/30"
        self.here, self.address = (str(NETWORKS[number * 4 + each]) for each in (1, 2))

    def __enter__(self) -> "Network":
        mtu = re.search(r"\bmtu (\d+)", _ip("link", "show", "dev", _way_out()))
        assert mtu is not None
        _ip("netns", "add", self.name)
        _ip("link", "add", self.name, "mtu", mtu[1], "type", "veth", "peer", "host0", "mtu", mtu[1], "netns", self.name)
        _ip("address", "add", f"{self.here}/30", "dev", self.name)
        _ip("link", "set", self.name, "up")
        _ip("-n", self.name, "address", "add", f"{self.address}/30", "dev", "host0")
        for each in ("lo", "host0"):
            _ip("-n", self.name, "link", "set", each, "up")
        _ip("-n", self.name, "route", "add", "default", "via", self.here)
        FORWARDING.write_text("1")  # and stays so: a container engine needs it too
        for rule in self._rules():
            _iptables("-I", *rule)
        return self

    def __exit__(self, *_: object) -> None:
        remove(os.getpid())

    def _rules(self) -> list[list[str]]:
        comment = ["-m", "comment", "--comment", self.name]
        return [
            ["POSTROUTING", "-t", "nat", "-s", self._network, "!", "-o", self.name, *comment, "-j", "MASQUERADE"],
            ["FORWARD", "-i", self.name, *comment, "-j", "ACCEPT"],
            ["FORWARD", "-o", self.name, *comment, "-j", "ACCEPT"],
        ]


def name(process: int) -> str:
    """What the network of a test run is called, whose process has this id."""
    return f"inv{process}"


def remove(process: int) -> None:
    """Removes the network of a test run, and ends what still uses it."""
    network = name(process)
    for user in subprocess.run(["ip", "netns", "pids", network], capture_output=True, text=True).stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(user), signal.SIGKILL)
    for table in ("nat", "filter"):
        for rule in _iptables("-t", table, "-S").splitlines():
            if f"--comment {network} " in rule:
                _iptables("-t", table, "-D", *rule.split()[1:])
    subprocess.run(["ip", "link", "delete", network], stderr=subprocess.DEVNULL)
    subprocess.run(["ip", "netns", "delete", network], stderr=subprocess.DEVNULL)


def _way_out() -> str:
    found = re.search(r"^default .*\bdev (\S+)", _ip("route", "show"), re.MULTILINE)
    assert found is not None, "this machine has no way to others"
    return found[1]


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _iptables(*arguments: str) -> str:
    return _run("iptables", "--wait", *arguments)


def _run(*command: str) -> str:
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert answer.returncode == 0, f"{' '.join(command)}: {answer.stdout}"
    return answer.stdout
