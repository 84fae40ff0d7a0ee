# Needs python3.11 or newer and nothing else: the first run makes .venv from uv.lock, later runs find it ready.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# One more than there are cores, as the tests in a browser mostly wait. Each begins with neighbours that share fixtures.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help test demo fuzz lint openapi browser venv clean

help: ## show these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

# Many tests start the service, which would compile all of it each time where nothing may be written.
test: venv browser ## run every check (ARGS="-k claim" runs some)
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

demo: venv ## play one real day in the store, in about two minutes
	$(BIN)/pullsvc demo $(ARGS)

fuzz: venv ## send thousands of odd requests to a running service, by its contract
	$(BIN)/python tools/fuzz.py $(ARGS)

lint: venv ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

openapi: venv ## write the HTTP contract to openapi/openapi.json
	$(BIN)/pullsvc openapi --out openapi/openapi.json

browser: ## install Chromium for the tests of the web app, if it is missing
	@$(PYTHON) tools/browser.py

venv: ## install the locked packages into .venv
	@$(PYTHON) tools/bootstrap.py

clean: ## remove .venv and all caches
	rm -rf .venv .cache artifacts .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis dist
	find src tests tools migrations -name __pycache__ -prune -exec rm -rf {} +
