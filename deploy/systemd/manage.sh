#!/bin/sh
# Runs a command of manage.py, of the release to which this file belongs, as the units run the service: as its user, with
# its settings and secrets.
#
#   /opt/invenicum/deploy/systemd/manage.sh createsuperuser
set -eu
release=$(cd "$(dirname "$0")/../.." && pwd -P)
if [ -t 0 ] && [ -t 1 ]; then how=--pty; else how=--pipe; fi
secrets=/etc/invenicum/secrets
exec systemd-run "$how" --quiet --wait --collect --service-type=exec --uid=invenicum --gid=invenicum \
    --working-directory="$release" --setenv=DATA_DIR=/var/lib/invenicum \
    --property=EnvironmentFile=/etc/invenicum/environment --property=UMask=0077 --property=NoNewPrivileges=true \
    --property=StateDirectory=invenicum --property=StateDirectoryMode=0700 \
    --property=LoadCredential=secret_key:$secrets/secret_key --property=LoadCredential=fernet_keys:$secrets/fernet_keys \
    --property=LoadCredential=database_url:$secrets/database_url \
    --property=LoadCredential=celery_broker_url:$secrets/celery_broker_url \
    sh -c 'export SECRET_KEY_FILE=$CREDENTIALS_DIRECTORY/secret_key FERNET_KEYS_FILE=$CREDENTIALS_DIRECTORY/fernet_keys
        export DATABASE_URL_FILE=$CREDENTIALS_DIRECTORY/database_url
        export CELERY_BROKER_URL_FILE=$CREDENTIALS_DIRECTORY/celery_broker_url
        exec .venv/bin/python manage.py "$@"' manage.py "$@"
