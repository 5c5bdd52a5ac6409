# Each target has a line that describes it, and installs what it needs. `make` lists them.
# make PYTHON=python3.12 …   uses that Python
# make SQLALCHEMY=2.0 …      uses that SQLAlchemy, in a separate environment
# make test ARGS="-k inbox"  passes ARGS on

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# One environment. Each stamp in it stands for an installed lock; the locks in requirements/ are compatible.
VENV := .venv$(SQLALCHEMY:%=-sqlalchemy-%)
BIN := $(VENV)/bin
RUN := $(VENV)/.run
TEST := $(VENV)/.test
BENCH := $(VENV)/.bench
BUILT_FOR := $(strip $(CURDIR) $(PYTHON))
ADD = @sh dev/venv.sh add $(VENV) $(1) $(SQLALCHEMY:%=sqlalchemy-%) && touch $@
SAY = @sed -n 's/^$@:.*\#\# \(.*\)/$@: \1/p' $(firstword $(MAKEFILE_LIST)) >&2

.PHONY: help demo test check bench bench-quick bench-compare bench-paging bench-profile search fuzz faults trace format lock clean

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "make %-13s %s\n", $$1, $$2}'

# Nothing is installed before a broker is found: dev.servers needs no packages.
demo: ## runs the demo commands on SQLite and RabbitMQ, and checks their results
	$(SAY)
	@broker=$$(PYTHON='$(PYTHON)' sh dev/venv.sh python -m dev.servers rabbitmq) && \
	$(MAKE) $(RUN) && \
	CRUDMQ_BROKER_URL=$$broker $(BIN)/python -m examples.demo

# The tests of the benchmark need its packages.
test: $(TEST) $(BENCH) ## runs all tests, on SQLite, PostgreSQL and MariaDB, with a real RabbitMQ
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	mariadb=$$($(BIN)/python -m dev.servers mariadb) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres CRUDMQ_TEST_MARIADB_URL=$$mariadb \
		$(BIN)/python -m pytest -n 2 --dist=loadfile --no-loadscope-reorder $(ARGS)

check: $(TEST) $(BENCH) ## checks style, types, import layers and module sizes
	$(SAY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m dev.sizes

bench: $(BENCH) ## measures throughput, latency and memory of crudmq and its competitors; ARGS="--only creates" runs one workload
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench $(ARGS)

bench-quick: $(BENCH) ## compares creates with the FastStream baseline
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench --quick $(ARGS)

bench-compare: $(BENCH) ## compares the working tree with another revision: BASE=<revision>
	$(SAY)
	@test -n '$(BASE)' || { echo 'usage: make bench-compare BASE=<revision>' >&2; exit 2; }
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench.compare $(ARGS) '$(BASE)'

search: $(TEST) ## runs random commands and compares the results with a reference model
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	mariadb=$$($(BIN)/python -m dev.servers mariadb) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres CRUDMQ_TEST_MARIADB_URL=$$mariadb \
		$(BIN)/python -m pytest -n 2 --dist=load --hypothesis-profile=search tests/property $(ARGS)

faults: $(TEST) ## injects faults into the service and its servers under load; ARGS="-k poison" selects faults
	$(SAY)
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(TEST) ## publishes random and hostile messages to the service on each database; ARGS="--messages 3000" sends fewer
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	mariadb=$$($(BIN)/python -m dev.servers mariadb) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres CRUDMQ_TEST_MARIADB_URL=$$mariadb \
		$(BIN)/python -m tests.fuzz $(ARGS)

bench-paging: $(BENCH) ## compares the cost of the last of many pages with the first
	$(SAY)
	@postgres=$$($(BIN)/python -m dev.servers postgres) && \
	CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench.paging

bench-profile: $(BENCH) ## profiles a process; writes docs/profile.svg
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	postgres=$$($(BIN)/python -m dev.servers postgres) && \
	CRUDMQ_BROKER_URL=$$broker CRUDMQ_TEST_POSTGRES_URL=$$postgres $(BIN)/python -m bench.profile

trace: $(RUN) ## lists the functions and files that a single create executes
	$(SAY)
	@broker=$$($(BIN)/python -m dev.servers rabbitmq) && \
	CRUDMQ_BROKER_URL=$$broker $(BIN)/python -m dev.trace

format: $(TEST) ## formats the code and applies the automatic fixes of ruff
	$(SAY)
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lock: $(RUN) ## pins the dependencies in requirements/; ARGS=--upgrade selects the newest versions
	$(SAY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/uv uv
	@sh dev/lock.sh $(VENV)/uv/bin/uv $(ARGS)

clean: ## removes the environment and all generated files
	$(SAY)
	@rm -rf .venv .venv-sqlalchemy-* build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A copied tree must not import from the tree that it came from, nor may another PYTHON be ignored.
ifneq ($(shell cat $(RUN) 2>/dev/null),$(BUILT_FOR))
.PHONY: $(RUN)
endif

$(RUN): pyproject.toml requirements/run.txt requirements/build.txt dev/venv.sh
	@PYTHON='$(PYTHON)' sh dev/venv.sh make $(VENV)
	$(if $(SQLALCHEMY),@sh dev/venv.sh add $(VENV) sqlalchemy-$(SQLALCHEMY))
	@echo '$(BUILT_FOR)' >$@

$(TEST): $(RUN) requirements/test.txt
	$(call ADD,test)

$(BENCH): $(RUN) requirements/bench.txt
	$(call ADD,bench)
