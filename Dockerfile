FROM python:3.13-slim AS build
WORKDIR /build
# Everything that constraints.txt pins is fetched, and checked by its hash, before anything is installed.
COPY constraints.txt ./
RUN pip wheel --no-cache-dir --require-hashes --requirement constraints.txt --wheel-dir /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels hatchling
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY migrations migrations
RUN pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheels .
# Of the wheels, those alone that the service imports.
RUN python -m venv --without-pip /crudmq \
    && pip --python /crudmq/bin/python install --no-cache-dir --no-index --find-links /wheels 'crudmq[mysql]'

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/crudmq crudmq
COPY --from=build /crudmq /crudmq
ENV PATH=/crudmq/bin:$PATH PYTHONUNBUFFERED=1
USER crudmq
# The default database is a file in the working directory.
WORKDIR /var/lib/crudmq
ENTRYPOINT ["crudmq"]
CMD ["run"]
