FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DATA_DIR=/data \
    # A name server that does not answer blocks one of libcurl's few resolver threads: for four seconds at most.
    RES_OPTIONS="timeout:2 attempts:2" \
    HOST=0.0.0.0 \
    PORT=8000

RUN useradd --system --uid 10001 --home-dir /data --create-home invenicum
WORKDIR /app

# "base telemetry" for Sentry and OpenTelemetry too.
ARG REQUIREMENTS=base
COPY requirements/base.txt requirements/telemetry.txt requirements/
RUN for name in $REQUIREMENTS; do files="$files -r requirements/$name.txt"; done \
    && pip install --require-hashes --only-binary :all: $files

COPY manage.py ./
COPY invenicum invenicum
COPY integrations integrations
COPY oauth_flows oauth_flows
COPY webhooks webhooks
COPY templates templates
# Keys for this command only, which reads no data; the image contains no keys.
RUN SECRET_KEY=build FERNET_KEYS=build DATA_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/build

USER invenicum
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["python", "-m", "invenicum.web"]
