#!/bin/sh
# Gets Compose out of Debian 13's package into the file that is given. Its program needs no libraries; nothing is installed.
set -eu
mkdir -p "$(dirname "$1")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial" "$folder/archives/partial"
# Where this machine gets its own Debian from.
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk '$1 !~ /-/ {print $2; exit}')
echo "deb $mirror trixie main" > "$folder/sources.list"
get() {
    apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder" "$@"
}
get update
(cd "$folder" && get download docker-compose && dpkg-deb --fsys-tarfile docker-compose_*.deb) \
    | tar -x -C "$folder" ./usr/libexec/docker/cli-plugins/docker-compose
install "$folder/usr/libexec/docker/cli-plugins/docker-compose" "$1"
