# Two stages from one base: what installs and compiles stays in the first. The digest makes each build start from the same
# files; `docker buildx imagetools inspect python:3.13-slim` tells that of the newest base.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /app
# "base telemetry" for Sentry and OpenTelemetry too.
ARG REQUIREMENTS=base
COPY requirements/base.txt requirements/telemetry.txt requirements/
# hadolint ignore=SC2086,DL3013
RUN for name in $REQUIREMENTS; do files="$files -r requirements/$name.txt"; done \
    && pip install --require-hashes --only-binary :all: $files
COPY manage.py ./
COPY invenicum invenicum
COPY integrations integrations
COPY oauth_flows oauth_flows
COPY webhooks webhooks
COPY templates templates
# Keys for this command only, which reads no data; the image contains no keys. What cannot be written later is compiled now.
RUN SECRET_KEY=build FERNET_KEYS=build DATA_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q . /opt/venv

FROM ${BASE}
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    # A name server that does not answer blocks one of libcurl's few resolver threads: for four seconds at most.
    RES_OPTIONS="timeout:2 attempts:2" \
    HOST=0.0.0.0 \
    PORT=8000
# /data is for beat's schedule, and for the embedded database. There is no VOLUME: each container would get one of its own.
RUN groupadd --system --gid 10001 invenicum \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --create-home invenicum
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Often, because nginx waits for the first.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["python", "-m", "invenicum.web"]
