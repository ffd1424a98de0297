"""A Debian of its own for a test: made with debootstrap once, copied for each test."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Debian 12, or another for which docs/operations.md is written: DEBIAN=trixie make test-machines
SUITE = os.environ.get("DEBIAN", "bookworm")
# Made once; `make clean` removes it.
CACHE = ROOT / ".venv/machines"
# How this machine reaches package registries, which a machine in it has to do alike.
CLIENT_CONFIGURATION = ("etc/apt/apt.conf", "etc/apt/apt.conf.d", "etc/apt/auth.conf.d", "etc/pip.conf", "etc/hosts")
AUTHORITIES = Path("etc/ssl/certs/ca-certificates.crt")
# Debian's package of certificates writes that file again, so the copy has a place of its own.
COPIED_AUTHORITIES = Path("etc/registry-certificates.crt")


def base() -> Path:
    """The folder with a Debian as `debootstrap` makes it. It is never booted itself."""
    made = CACHE / SUITE
    if not made.exists():
        part = CACHE / f"{SUITE}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        # Debian's installer adds the bus, which systemd recommends; debootstrap follows no recommendations.
        _run("debootstrap", "--include=dbus", SUITE, part, mirror(SUITE))
        _run("chroot", part, "apt-get", "clean")
        part.rename(made)
    return made


def copy(folder: Path) -> None:
    """Makes a new Debian in `folder`, which reaches registries as this machine does."""
    _run("cp", "--archive", "--reflink=auto", f"{base()}/.", folder)
    for name in (*CLIENT_CONFIGURATION, "etc/resolv.conf"):
        source = Path("/", name)
        if source.is_dir():
            shutil.copytree(source, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("docker*"))
        elif source.exists():
            (folder / name).unlink(missing_ok=True)
            shutil.copyfile(source, folder / name)
    if Path("/", AUTHORITIES).exists():
        shutil.copyfile(Path("/", AUTHORITIES), folder / COPIED_AUTHORITIES)
    for value in client_variables().values():
        if value.startswith("/") and Path(value).is_dir():  # of packages
            shutil.copytree(value, folder / value[1:], dirs_exist_ok=True)
    (folder / "etc/hostname").write_text("machine\n")


def client_variables() -> dict[str, str]:
    """What the shell's environment says about pip and proxies, with files as they are called in the copy."""
    names = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
    found = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.upper() in names}
    if Path("/", AUTHORITIES).exists():
        found["PIP_CERT"] = f"/{COPIED_AUTHORITIES}"
    return found


def mirror(suite: str) -> str:
    """Where this machine gets packages of a suite from: its own Debian's place, if it has none of that suite."""
    answer = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    places = [line.split(" ", 1) for line in answer.stdout.splitlines()]
    releases = {suite: place for suite, place in places if "-" not in suite}  # not `bookworm-security`
    assert releases, "apt has no place of Debian's packages"
    return releases.get(suite) or next(iter(releases.values()))


def _run(*command: str | Path) -> None:
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert answer.returncode == 0, f"{command[0]}: {answer.stdout[-2000:]}"
