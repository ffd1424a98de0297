#!/bin/bash
# What https://github.com/docker-library/docs/blob/master/postgres/README.md says about a first start: as root it gives the
# folder of the data to postgres and continues as that user; then it creates the database, with a server that listens at
# its socket only, and sets the password of POSTGRES_USER. A database that exists is left as it is.
set -euo pipefail
mkdir --parents "$PGDATA"
chmod 700 "$PGDATA"
if [ "$(id --user)" = 0 ]; then
    chown postgres "$PGDATA" /run/postgresql
    exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD_FILE:?}" "${POSTGRES_USER:?}" "${POSTGRES_DB:?}"
    initdb --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" --auth-local trust --encoding UTF8
    # The password is for those who come by the network.
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --wait --options "-c listen_addresses=''" start
    createdb --username "$POSTGRES_USER" --maintenance-db postgres "$POSTGRES_DB"
    pg_ctl --wait --mode fast stop
fi
exec "$@" -c "listen_addresses=*"
