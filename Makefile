# Thin on purpose: each target is what a user could type.
SHELL := /bin/bash
ENV ?= aws-dev
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
# The environment's tools come first, so that Pulumi's own engine finds uv there too.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup system up preview down test test-ceph conformance test-training lint format bench clean

setup: $(VENV)/.synced

$(VENV)/.synced: pyproject.toml uv.lock
	@test -x $(BIN)/python || python3 -m venv $(VENV) || { rm -rf $(VENV); \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq python3-venv && python3 -m venv $(VENV); \
	  else echo "python3 has no venv module; install it with: sudo apt-get install python3-venv" >&2; exit 1; fi; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --frozen --quiet
	@touch $@

# What the tests run for real. Installed as root only, and without starting a service.
SYSTEM_PACKAGES := prometheus prometheus-alertmanager

system:
	@if promtool --version >/dev/null 2>&1 && amtool --version >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "the tests need Prometheus and Alertmanager; install them with:" \
	    "sudo apt-get install --no-install-recommends $(SYSTEM_PACKAGES)" >&2; exit 1; fi; \
	policy=/usr/sbin/policy-rc.d; \
	test -e $$policy || { trap "rm -f $$policy" EXIT; \
	  printf '#!/bin/sh\nexit 101\n' > $$policy; chmod 755 $$policy; }; \
	apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES)

up: setup
	$(BIN)/bedplate sandbox up $(ENV)

preview: setup
	$(BIN)/bedplate sandbox preview $(ENV)

down: setup
	$(BIN)/bedplate sandbox destroy $(ENV)

test: setup system
	$(BIN)/python -m pytest -n auto --dist loadgroup

# A real Ceph from Debian on loopback, installed where it is missing (root only): 1 to 3 minutes.
test-ceph: setup
	$(BIN)/python -m pytest tests/ceph

# A real Kubernetes API server and scheduler on loopback, built from their Go modules: minutes at the first
# time, 5 to 10 after that. etcd is installed from Debian where it is missing (root only).
conformance: setup
	@command -v go >/dev/null || { \
	  echo "make conformance builds Kubernetes with go, which is not here: see https://go.dev/doc/install" >&2; exit 1; }
	@$(BIN)/python -m tests.conformance.programs
	$(BIN)/python -m pytest tests/conformance

# The workload's tests and types, in an environment of its own: PyTorch and its CUDA libraries are some 5 GB.
TRAINING_VENV ?= .venv-training

test-training: setup
	UV_PROJECT_ENVIRONMENT=$(TRAINING_VENV) $(BIN)/uv sync --frozen --quiet --extra training
	$(TRAINING_VENV)/bin/mypy training/bedplate_training
	$(TRAINING_VENV)/bin/python -m pytest tests/training

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python benchmarks/sandbox_up.py
	$(BIN)/python benchmarks/preview_overhead.py
	$(BIN)/python benchmarks/policies.py

clean:
	-$(BIN)/bedplate sandbox stop
	rm -rf $(VENV) .bedplate .mypy_cache .ruff_cache .pytest_cache dist
