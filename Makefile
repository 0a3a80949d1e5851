# A convenience: each target is one line that can be typed.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: run test check bench pictures docs

run: .venv/app.stamp  ## start the studio on http://127.0.0.1:7860
	$(BIN)/python app.py

test: .venv/test.stamp .venv/browser.stamp  ## style, and every test but those that need a GPU
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m pytest -m "not gpu"

check: .venv/test.stamp  ## style, and the tests that take seconds
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m pytest -q -m "not slow and not browser and not gpu"

bench: .venv/test.stamp .venv/browser.stamp  ## the measurements of bench/, as tables
	$(BIN)/python -m bench.run

pictures: .venv/test.stamp .venv/browser.stamp  ## the pictures in docs/
	$(BIN)/python -m docs.pictures

docs: .venv/app.stamp  ## the settings table in docs/
	$(BIN)/python -m studio.docs

.venv/app.stamp: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt && touch $@

.venv/test.stamp: requirements-test.txt .venv/app.stamp
	$(BIN)/python -m pip install --quiet -r requirements-test.txt && touch $@

.venv/browser.stamp: .venv/test.stamp tests/provide_browser.py
	$(BIN)/python -m tests.provide_browser && touch $@
