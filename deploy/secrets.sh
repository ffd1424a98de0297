#!/bin/sh
# Makes the files of ./secrets (or of the folder that is given) that docker-compose.yml and the Kubernetes manifests read.
# A file that exists is kept, so that it can be run again, for example after one was removed to be replaced.
set -eu
folder=${1:-secrets}
postgres=${POSTGRES_HOST:-postgres}
valkey=${VALKEY_HOST:-valkey}

# The folder keeps others out. The files can be read by all, because containers mount them and run as other users; you can
# write your own values into them.
mkdir -p "$folder"
chmod 700 "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keep() {
    [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"
    chmod 644 "$folder/$1"
}

keep secret_key "$(random)"
keep fernet_keys "$(random)"
keep postgres_password "$(random)"
keep valkey_password "$(random)"
keep database_url "postgres://invenicum:$(cat "$folder/postgres_password")@$postgres:5432/invenicum"
keep celery_broker_url "redis://:$(cat "$folder/valkey_password")@$valkey:6379/0"
