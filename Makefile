# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
BIN := .venv/bin
ARGS ?=

.PHONY: run setup test chaos check lock bench pictures notebooks clean

run: setup ## train, replay an incident, print the diagnosis, serve on 127.0.0.1:8321
	@$(BIN)/faultline run $(ARGS)

setup: ## prepare .venv from the lock; instant when nothing changed
	@PYTHON="$(PYTHON)" scripts/setup.sh

test: setup ## the whole test suite; skips what the machine cannot have, with the reason
	@scripts/test.sh $(ARGS)

chaos: setup ## the whole fault suite on SQLite and PostgreSQL: kills, stops, full disks; prints a table
	$(BIN)/python -W ignore -m tests.chaos

check: setup ## every static check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint --quiet models analysis service
	$(BIN)/codespell

lock: ## renew requirements.lock and requirements-uv.lock
	uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --extra dev --no-header --no-annotate pyproject.toml -o requirements.lock
	grep -A100 '^uv==' requirements.lock | awk 'NR==1 || /^ /{print; next} {exit}' > requirements-uv.lock

bench: setup ## every benchmark whose table the README quotes
	$(BIN)/python benchmarks/everyday.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/breaker_cost.py
	$(BIN)/python benchmarks/closed_loop.py
	$(BIN)/python benchmarks/drain.py

pictures: setup ## renew the pictures of the README
	$(BIN)/python scripts/pictures.py

notebooks: setup ## execute the notebooks and renew the copies beside their sources
	$(BIN)/python scripts/notebooks.py

clean: ## remove what the targets made
	rm -rf .venv .faultline .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
