#!/bin/sh
# https://github.com/nginx/docker-nginx/blob/master/entrypoint/docker-entrypoint.sh prepares nothing for a shell as command.
exec "$@"
