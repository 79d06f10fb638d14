# One image for each service, each with no more than that service imports:
#
#   docker build --build-arg SERVICE=book --tag seen/book .
#
# SERVICE is gateway, library, account, book, imdb, anime, spark-connector or local-auth0. The same file makes
# --target test with SERVICE=test, the end-to-end tests, and --target locust with SERVICE=locust, Locust.
# What changes seldom comes first: after a change of code, only the last layers are made anew.

# tini is process 1. It passes SIGTERM on to a Python that has not come to its handlers yet, or has none, where process 1
# itself would ignore it, and buries what a killed job leaves behind.
FROM python:3.11-slim AS base
# The base image's Debian says which version there is.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app


# uv, in the locked version. pip checks its hash, and uv that of everything else.
FROM base AS tools
COPY requirements.lock ./
RUN sed -n '/^uv==/,/# via/p' requirements.lock >uv.txt \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement uv.txt
COPY pyproject.toml ./
# An authority that the base image trusts counts, a company's own for example. The cache is another file system.
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
        library) set -- ;; \
        book | imdb | anime) set -- --extra catalog ;; \
        spark-connector) set -- --extra duckdb --extra spark-connector ;; \
        test) set -- --extra end-to-end ;; \
        *) echo "there is no image for SERVICE=$SERVICE: see the first lines of the Dockerfile" >&2; exit 1 ;; \
    esac \
    && uv venv --quiet /venv \
    # Compiled now, for the file system will be read-only.
    && uv pip install --quiet --python /venv --require-hashes --constraints requirements.lock --compile-bytecode \
        --requirements pyproject.toml "$@"


# The same for every service.
FROM base AS code
COPY --from=protos /app/seen seen
COPY docker docker
COPY spark_jobs spark_jobs
COPY services services
RUN python -m compileall -q --invalidation-mode unchecked-hash .


FROM base AS program
ARG SERVICE
COPY --from=dependencies /venv /venv
# /data is where a volume goes; a new one takes over its owner.
RUN install --directory --owner=10001 --group=10001 --mode=700 /data
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    SERVICE=$SERVICE
# By number, so that Kubernetes can tell that it is not root.
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
# A shell only to put the name together; it becomes the program.
CMD ["sh", "-c", "exec python -m services.$(echo \"$SERVICE\" | tr - _)"]
ARG SERVICE
ARG REVISION=unknown
LABEL org.opencontainers.image.title="seen/$SERVICE" \
    org.opencontainers.image.description="Seen: what to read and watch next; its service $SERVICE" \
    org.opencontainers.image.revision="$REVISION"
