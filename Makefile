# The two commands of the README, the checks that CI adds, and what is measured beside others.
PYTHON ?= python3
ENTER := . .venv/bin/activate &&

.PHONY: predictions test check bench

predictions: .venv/ready
	$(ENTER) snakemake --cores 8 results/predictions/

test: .venv/ready
	$(ENTER) pytest

check: .venv/ready
	$(ENTER) ruff format --check .
	$(ENTER) ruff check .
	$(ENTER) mypy workflow_scripts tests
	$(ENTER) snakefmt --check Snakefile rules
	$(ENTER) snakemake --lint

bench: .venv/ready
	$(ENTER) python tests/benchmarks/bench_segy.py
	$(ENTER) python tests/benchmarks/bench_synthesize.py
	$(ENTER) python tests/benchmarks/bench_networks.py

.venv/ready: requirements.txt
	$(PYTHON) -m venv .venv
	$(ENTER) pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@
