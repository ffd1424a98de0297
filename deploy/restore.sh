#!/bin/sh
# Puts a backup of deploy/backup.sh into the empty database that DATABASE_URL (or DATABASE_URL_FILE) names.
#
#   DATABASE_URL=postgres://… deploy/restore.sh /var/backups/invenicum/invenicum-….dump
#
# With WITHIN="docker compose exec -T postgres" PostgreSQL's programs run there. Stop all processes before. Afterwards run
# `manage.py migrate`, then start them. All of it is restored or nothing.
set -eu
file=$1
[ -z "${DATABASE_URL_FILE:-}" ] || DATABASE_URL=$(cat "$DATABASE_URL_FILE")
tables=$(${WITHIN:-} psql --no-psqlrc --tuples-only --no-align --command \
    "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public'" "$DATABASE_URL" < /dev/null)
if [ "$tables" != 0 ]; then
    echo "The database has $tables tables already. Restore into an empty one." >&2
    exit 1
fi
${WITHIN:-} pg_restore --exit-on-error --single-transaction --no-owner --dbname="$DATABASE_URL" < "$file"
echo "Restored. Now run: python manage.py migrate"
