# One image per service, with only the libraries that the service imports:
#
#   docker build --build-arg SERVICE=book --tag seen/book .
#
# SERVICE is a folder of services/, with - instead of _ (docker-bake.hcl lists them). Two more targets: `--target test`
# with SERVICE=test (end-to-end tests) and `--target locust` with SERVICE=locust.
# Layers that rarely change come first, so that a change of code rebuilds only the last ones.

# tini runs as process 1: it forwards SIGTERM even before Python has installed a handler (process 1 itself would ignore
# the signal) and reaps the orphans of killed jobs.
FROM python:3.11-slim AS base
# Not pinned: the version comes with the Debian release of the base image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app


# uv in the locked version. pip checks the hash of uv, and uv checks the hashes of all other packages.
FROM base AS tools
COPY requirements.lock ./
RUN sed -n '/^uv==/,/# via/p' requirements.lock >uv.txt \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement uv.txt
COPY pyproject.toml ./
# UV_SYSTEM_CERTS: trust the certificate authorities of the base image, such as a company's own.
# UV_LINK_MODE: the cache mount is a different file system, so files cannot be hard-linked.
ENV UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy


FROM tools AS protos
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet .venv \
    && uv pip install --quiet --require-hashes --constraints requirements.lock \
        --requirements pyproject.toml --extra protos
COPY protos protos
COPY scripts/build_protos.sh scripts/
RUN scripts/build_protos.sh


FROM tools AS dependencies
ARG SERVICE
RUN --mount=type=cache,target=/root/.cache/uv \
    case "$SERVICE" in \
        gateway | account | local-auth0 | locust) set -- --extra "$SERVICE" ;; \
        library) set -- --extra taste ;; \
        compact) set -- --extra gateway --extra account --extra catalog --extra duckdb --extra taste --extra taste-training ;; \
        book | imdb | anime) set -- --extra catalog ;; \
        spark-connector) set -- --extra duckdb --extra taste --extra taste-training --extra spark-connector ;; \
        test) set -- --extra end-to-end ;; \
        *) echo "SERVICE=$SERVICE is not a known image; see the first lines of the Dockerfile" >&2; exit 1 ;; \
    esac \
    && uv venv --quiet /venv \
    # Compiled at build time, because the container's file system is read-only.
    && uv pip install --quiet --python /venv --require-hashes --constraints requirements.lock --compile-bytecode \
        --requirements pyproject.toml "$@"


# Our own code, the same layer in every service image.
FROM base AS code
COPY --from=protos /app/seen seen
COPY docker docker
COPY spark_jobs spark_jobs
COPY services services
RUN python -m compileall -q --invalidation-mode unchecked-hash .


FROM base AS program
ARG SERVICE
COPY --from=dependencies /venv /venv
# Mount point for a volume; a new volume inherits this owner.
RUN install --directory --owner=10001 --group=10001 --mode=700 /data
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    SERVICE=$SERVICE
# A numeric user, so that Kubernetes can verify that it is not root.
USER 10001:10001
ENTRYPOINT ["tini", "--"]


FROM program AS test
COPY pyproject.toml README.md ./
COPY scripts scripts
COPY tests tests
CMD ["python", "-m", "pytest", "-p", "no:cacheprovider", "tests/end_to_end"]


FROM program AS locust
COPY load load
CMD ["locust", "--locustfile", "load/locust_users/locustfile.py"]


FROM program AS service
COPY --from=code /app ./
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "docker/healthcheck.py"]
# The shell only builds the module name; exec replaces it with Python.
CMD ["sh", "-c", "exec python -m services.$(echo \"$SERVICE\" | tr - _)"]
ARG SERVICE
ARG REVISION=unknown
LABEL org.opencontainers.image.title="seen/$SERVICE" \
    org.opencontainers.image.description="Seen, what to read and watch next: service $SERVICE" \
    org.opencontainers.image.revision="$REVISION"
