# make run [ONCE=1]   the whole stack on the paper gateway, with one demo signal; Ctrl-C ends all of it
# make test           lint, types, layering, all tests, coverage
# make venvs          the client libraries the paper gateway is judged by, one virtualenv each
# make venv           only set up .venv and var/
# make bench          speed as ratios against baselines and limits (QUICK=1: about a minute)
# make storm          SIGKILL in mid-storm: the gateway 100 times, then every process 3,000 times (QUICK=1: 20, 250; SEED=, KILLS=)
# make clean          remove what the others made

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test venv venvs bench storm clean
.DEFAULT_GOAL := run

run: venv
	@exec $(BIN)/router run --with-parent $(if $(filter-out 0,$(ONCE)),--once)

test: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --cov

venv: $(READY)
	@mkdir -p -m 700 var var/run var/log

$(READY): constraints.txt setup.cfg pyproject.toml Makefile
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev,bench]'
	@touch $(READY)

venvs: venv
	$(BIN)/python -m tests.paper.venvs

bench: venv
	@QUICK=$(QUICK) $(BIN)/python -m bench.storm

storm: venv
	@status=0; \
	QUICK=$(QUICK) KILLS=$(KILLS) SEED=$(SEED) $(BIN)/python -m bench.kill_storm || status=$$?; \
	test $$status -ge 128 || QUICK=$(QUICK) KILLS=$(KILLS) SEED=$(SEED) $(BIN)/python -m tests.storm || status=$$?; \
	exit $$status

clean:
	rm -rf .venv .venvs var build dist *.egg-info .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
