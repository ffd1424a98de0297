"""Images for tests that run where no registry is: made from Debian's packages, under the names that Compose uses.

An image that the engine has already is used as it is.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.machines import debian
from tests.machines.engine import Engine, run

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "tests/machines/images"
SUITE = "trixie"  # has Python 3.13, as python:3.13-slim
PACKAGES = "ca-certificates,python3,python3-venv"
DEBIAN = "invenicum-test-debian"  # all others are made from it
NAMES = ("postgres", "valkey", "nginx")


def make(engine: Engine) -> None:
    """Makes the image `invenicum-test-debian`, with Python 3.13, and those of Compose's services but ours."""
    variables = [f"--change=ENV {name}={value}" for name, value in debian.client_variables().items()]
    engine.docker("import", *variables, _archive(), engine.owns(DEBIAN))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    images = {name: services[name]["image"] for name in NAMES}
    missing = [name for name, image in images.items() if not engine.image(image)]
    if missing:
        for name in missing:
            engine.owns(images[name])
        named = {f"{name.upper()}_IMAGE": image for name, image in images.items()}
        command: list[Any] = ["docker", "compose", "--file", IMAGES / "compose.yml", "build", "--quiet", *missing]
        run(*command, environment=engine.environment | named)


def _archive() -> Path:
    """A Debian as tar archive. Made once; `make clean` removes it."""
    made = debian.CACHE / f"{SUITE}.tar"
    if not made.exists():
        tree = debian.CACHE / f"{SUITE}.part"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree, debian.mirror(SUITE))
        run("chroot", tree, "apt-get", "clean")
        shutil.rmtree(tree / "var/lib/apt/lists", ignore_errors=True)
        (tree / "usr/local/bin/python").symlink_to("/usr/bin/python3")  # as in python:3.13-slim
        for name in (debian.AUTHORITIES, Path("etc/pip.conf")):
            if Path("/", name).exists():
                shutil.copyfile(Path("/", name), tree / name)
        if Path("/", debian.AUTHORITIES).exists():
            shutil.copyfile(Path("/", debian.AUTHORITIES), tree / debian.COPIED_AUTHORITIES)
        part = made.with_suffix(".part.tar")
        run("tar", "--create", f"--file={part}", f"--directory={tree}", ".")
        os.rename(part, made)
        shutil.rmtree(tree)
    return made
