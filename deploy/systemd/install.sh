#!/bin/sh
# Installs the release to which this file belongs into a folder of its own, /opt/invenicum-<version>, with the packages
# that it needs and its static files. Changes nothing that runs. Prints the folder.
#
#   release=$(deploy/systemd/install.sh)
set -eu
umask 022
cd "$(dirname "$0")/../.."
target=/opt/invenicum-$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' invenicum/version.py)
if [ -e "$target" ]; then
    echo "$target exists already. To install it again, remove that folder while it is not in use." >&2
    exit 1
fi

trap 'rm -rf "$target"' EXIT
mkdir "$target"
cp -R manage.py invenicum integrations oauth_flows webhooks templates requirements deploy docs "$target/"
"${PYTHON:-/usr/bin/python3}" -m venv "$target/.venv"
"$target/.venv/bin/pip" --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
    -r "$target/requirements/base.txt" >&2
# Keys for this command only, which reads no data. Who runs the service cannot write here, so code is compiled now.
SECRET_KEY=install FERNET_KEYS=install DATA_DIR=$target/data \
    "$target/.venv/bin/python" "$target/manage.py" collectstatic --no-input --verbosity 0 >&2
rm -rf "$target/data"
"$target/.venv/bin/python" -m compileall -q "$target/invenicum" "$target/integrations" "$target/oauth_flows" "$target/webhooks"
trap - EXIT
echo "$target"
