#!/bin/sh
# What https://github.com/valkey-io/valkey-container/blob/mainline/docker-entrypoint.sh does: a server that is started as
# root gets the folder of the data and continues as valkey; everything else is run as it is.
set -eu
if [ "$1" = valkey-server ] && [ "$(id -u)" = 0 ]; then
    chown -R valkey .
    exec setpriv --reuid=valkey --regid=valkey --clear-groups -- "$0" "$@"
fi
exec "$@"
