#!/bin/sh
# Writes a backup of the database into a folder, and removes backups there that are older than KEEP_DAYS (30).
#
#   DATABASE_URL=postgres://… deploy/backup.sh /var/backups/invenicum        or with DATABASE_URL_FILE
#   WITHIN="docker compose exec -T postgres" DATABASE_URL_FILE=… deploy/backup.sh …   PostgreSQL's programs run there
#   DATA_DIR=/path/to/.data deploy/backup.sh /var/backups/invenicum          the embedded database
#
# The service can run meanwhile. The keys (FERNET_KEYS) are not in it: keep them in another place. Only a backup that can
# be read to its end gets its name. Prints the name.
set -eu
umask 077
folder=$1
keep_days=${KEEP_DAYS:-30}
[ -z "${DATABASE_URL_FILE:-}" ] || DATABASE_URL=$(cat "$DATABASE_URL_FILE")
mkdir -p "$folder"
name=invenicum-$(date -u +%Y%m%dT%H%M%SZ)

if [ -n "${DATABASE_URL:-}" ]; then
    file=$folder/$name.dump
    ${WITHIN:-} pg_dump --format=custom "$DATABASE_URL" < /dev/null > "$file.part"
    ${WITHIN:-} pg_restore --file=/dev/null < "$file.part"
else
    file=$folder/$name.sqlite3
    python3 - "$DATA_DIR/db.sqlite3" "$file.part" <<'END'
import sqlite3, sys
source, copy = (sqlite3.connect(f"file:{path}?mode={mode}", uri=True) for path, mode in zip(sys.argv[1:], ("ro", "rwc")))
source.backup(copy)
[[answer]] = copy.execute("PRAGMA integrity_check")
sys.exit(None if answer == "ok" else answer)
END
fi
mv "$file.part" "$file"
find "$folder" -maxdepth 1 -name 'invenicum-*' -type f -mtime "+$keep_days" -exec rm -f {} +
echo "$file"
