# Two commands do everything on a fresh machine: `make demo` and `make test`.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-all check format bench docs clean

demo: $(VENV)/.installed
	$(BIN)/genwright fit breast_cancer --out runs/demo --overwrite
	$(BIN)/genwright sample runs/demo -n 1000 -o runs/demo-synthetic.csv --overwrite
	$(BIN)/genwright sample runs/demo -n 5 --given "diagnosis = 'malignant'"
	@echo "The report is runs/demo/report.html, the new rows are runs/demo-synthetic.csv."

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" -n auto

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not slow" -n auto

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	bash benchmarks/environments.sh
	$(BIN)/python -m benchmarks.tables
	$(BIN)/python benchmarks/scale.py

docs: $(VENV)/.dev
	$(BIN)/python -m pytest tests/docs

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) -e ".[dev]"
	touch $@
