FROM python:3.13-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_DEPS=1
# Both locks are complete and pin by hash. The build backend stays in this stage.
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /crudmq \
    && pip --python /crudmq/bin/python install --require-hashes --requirement requirements/run.txt \
    && pip install --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY migrations migrations
RUN pip wheel --no-build-isolation --wheel-dir dist . \
    && pip --python /crudmq/bin/python install dist/*.whl \
    && pip --python /crudmq/bin/python freeze --exclude crudmq >/crudmq/constraints.txt

FROM python:3.13-slim
LABEL org.opencontainers.image.title="crudmq" \
      org.opencontainers.image.description="CRUD over RabbitMQ: runs commands in SQLAlchemy sessions and publishes what changed" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.url="https://github.com/crudmq/crudmq" \
      org.opencontainers.image.source="https://github.com/crudmq/crudmq" \
      org.opencontainers.image.documentation="https://github.com/crudmq/crudmq/tree/main/docs"
# The kernel discards a signal for process 1 that has no handler yet. As its child, Python can be stopped at any time.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 crudmq \
    && useradd --uid 10001 --gid 10001 --no-log-init --create-home --home-dir /var/lib/crudmq crudmq
COPY --from=build /crudmq /crudmq
ENV PATH=/crudmq/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CRUDMQ_HEALTH_HOST=0.0.0.0 \
    CRUDMQ_HEALTH_PORT=8080
EXPOSE 8080
# By number: Kubernetes' runAsNonRoot refuses names.
USER 10001:10001
# The default database is a file in the working directory.
WORKDIR /var/lib/crudmq
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['CRUDMQ_HEALTH_PORT']}/health/live\", timeout=4)"]
ENTRYPOINT ["tini", "--", "crudmq"]
CMD ["run"]
