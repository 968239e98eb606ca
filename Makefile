# Every target sets itself up: a virtual environment in .venv, from setup.cfg and constraints.txt.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install demo tour test lint bench

help:
	@echo "make demo     train the capsule network on real digits, evaluate it, show the result"
	@echo "make tour     run docs/tour.py and write docs/tour.ipynb from it"
	@echo "make test     run all tests"
	@echo "make lint     check style, types and the directions of imports"
	@echo "make bench    measure speed and memory against a plain implementation (some minutes)"
	@echo "make install  only set up .venv"

install: .venv/installed

.venv/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; make PYTHON=python3.12, for example.")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[experiment,pictures,test,tfds]'
	@touch $@

demo: install
	@$(BIN)/python -m reports.demo

tour: install
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[notebook]'
	$(BIN)/python -m reports.manual.tour

test: install
	$(BIN)/python -m pytest -q --numprocesses=2 --dist=loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/mypy

bench: install
	@$(BIN)/python -m benchmarks.bench
