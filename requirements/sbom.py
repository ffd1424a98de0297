"""`python requirements/sbom.py FILE`: a CycloneDX list of everything that base.txt installs, with licences and hashes.

Ends with status 1 if a package has a licence that is not among those that this project can be distributed with.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from invenicum.version import VERSION  # noqa: E402

# LGPL and MPL: used as they are, as packages of their own.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
    }
)
# What packages without an SPDX expression say instead, in their classifiers or in their own words.
SPELLINGS = {
    "3-clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD-3-Clause-Clear": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)((?: ;[^\\\n]*)?(?: \\\n +--hash=\S+)+)", re.MULTILINE)


def main(file: str) -> int:
    licences = LicenseFactory()
    bom = Bom()
    bom.metadata.component = Component(
        name="invenicum-integrations",
        version=VERSION,
        type=ComponentType.APPLICATION,
        licenses=[licences.make_with_expression("Apache-2.0")],
    )
    refused = []
    for name, version, licence, hashes in packages():
        used = set(re.split(r" (?:AND|OR|WITH) |[()]", licence)) - {""}
        if not used & ALLOWED or (" AND " in licence and not used <= ALLOWED):
            refused.append(f"{name} {version}: {licence or 'no licence'}")
        bom.components.add(
            Component(
                name=name,
                version=version,
                type=ComponentType.LIBRARY,
                purl=PackageURL("pypi", None, name, version),
                licenses=[licences.make_from_string(licence)] if licence else [],
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in hashes],
            )
        )
    bom.register_dependency(bom.metadata.component, bom.components)
    Path(file).write_text(JsonV1Dot6(bom).output_as_string(indent=2))
    print(f"{file}: {len(bom.components)} packages")  # noqa: T201
    for line in refused:
        print(f"Not allowed, see ALLOWED in requirements/sbom.py: {line}", file=sys.stderr)  # noqa: T201
    return 1 if refused else 0


def packages() -> Iterator[tuple[str, str, str, list[str]]]:
    """Name, version, licence and SHA-256 digests of each package in base.txt that is installed on this system."""
    for name, version, rest in LOCKED.findall((ROOT / "requirements/base.txt").read_text()):
        marker = re.match(r" ; ([^\\\n]+)", rest)
        if marker and not Marker(marker[1]).evaluate():
            continue
        yield name, version, licence_of(distribution(name).metadata), re.findall(r"sha256:(\w+)", rest)


def licence_of(metadata: PackageMetadata) -> str:
    """The licence as an SPDX expression if the package or `SPELLINGS` tells, else in the package's words."""
    if expression := metadata.get_all("License-Expression"):
        return str(expression[0])
    classifiers = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if "License ::" in line]
    own = "".join(metadata.get_all("License", [])).strip().splitlines()[:1]
    said = [text for text in (*own, *classifiers) if text and text != "OSI Approved"]
    known = [SPELLINGS.get(text, text) for text in said]
    return next((text for text in known if text in ALLOWED), known[0] if known else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
