# Each target says in a line what it does, and sets up what it needs. `make` lists them.
# make PYTHON=python3.12 …   takes that Python
# make test ARGS="-k inbox"  hands ARGS on

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAMP := .venv/.stamp
BUILT_FOR := $(strip $(CURDIR) $(PYTHON))
SAY = @sed -n 's/^$@:.*\#\# \(.*\)/$@: \1/p' $(firstword $(MAKEFILE_LIST)) >&2

.PHONY: help demo test check bench bench-quick bench-paging bench-profile search faults format lock clean

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "make %-13s %s\n", $$1, $$2}'

demo: $(STAMP) ## shows the main job on SQLite and a real RabbitMQ
	$(SAY)
	@broker=$$($(BIN)/python -m deploy.servers rabbitmq) && \
	CRUDMQ_BROKER_URL=$$broker $(BIN)/python -m examples.demo

test: $(STAMP) ## runs all tests, on SQLite, PostgreSQL and MariaDB, with a real RabbitMQ
	$(SAY)
	@broker=$$($(BIN)/python -m deploy.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m deploy.servers postgres) && \
	mariadb=$$($(BIN)/python -m deploy.servers mariadb) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres CRUDMQ_TEST_MARIADB_URL=$$mariadb \
		$(BIN)/python -m pytest -n 2 --dist=loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP) ## checks style, types and who imports whom
	$(SAY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(STAMP) ## measures throughput, latency and memory beside the peers; ARGS="--only creates" measures that alone
	$(SAY)
	@broker=$$($(BIN)/python -m deploy.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m deploy.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench $(ARGS)

bench-quick: $(STAMP) ## measures how many times as fast as the usual way creates are
	$(SAY)
	@broker=$$($(BIN)/python -m deploy.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m deploy.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench --quick $(ARGS)

search: $(STAMP) ## tries random commands against a model of the contract
	$(SAY)
	@broker=$$($(BIN)/python -m deploy.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m deploy.servers postgres) && \
	mariadb=$$($(BIN)/python -m deploy.servers mariadb) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres CRUDMQ_TEST_MARIADB_URL=$$mariadb \
		$(BIN)/python -m pytest -n 2 --dist=load --hypothesis-profile=search tests/property $(ARGS)

faults: $(STAMP) ## kills, stops and starves the service and its servers under load; ARGS="-k poison" picks some
	$(SAY)
	@mariadb=$$($(BIN)/python -m deploy.servers mariadb) && \
	CRUDMQ_TEST_MARIADB_URL=$$mariadb $(BIN)/python -m tests.faults $(ARGS)

bench-paging: $(STAMP) ## measures what the last of many pages costs against the first
	$(SAY)
	@postgres=$$($(BIN)/python -m deploy.servers postgres) && \
	CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench.paging

bench-profile: $(STAMP) ## samples where the time goes; writes docs/profile.svg
	$(SAY)
	@broker=$$($(BIN)/python -m deploy.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m deploy.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench.profile

format: $(STAMP) ## formats the code and repairs what ruff can
	$(SAY)
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lock: $(STAMP) ## pins the dependencies in constraints.txt; ARGS=--upgrade takes the newest versions
	$(SAY)
	@$(BIN)/python -m pip install --quiet --upgrade --target .venv/uv uv
	@.venv/uv/bin/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 \
		--extra mysql --group dev --group bench --generate-hashes --no-annotate \
		--custom-compile-command 'make lock' --output-file constraints.txt $(ARGS)

clean: ## removes the environment and everything that was generated
	$(SAY)
	@rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A copied tree must not import from the tree that it came from, nor may another PYTHON be ignored.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(BUILT_FOR))
.PHONY: $(STAMP)
endif

$(STAMP): pyproject.toml constraints.txt deploy/venv.sh
	@PYTHON='$(PYTHON)' sh deploy/venv.sh .venv
	@echo '$(BUILT_FOR)' >$@
