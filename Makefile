# Set-up, the demo, tests, checks of CI, benchmarks, quality scores and documentation.
PYTHON ?= python3
ENTER := . .venv/bin/activate &&

# Stop before set-up if WEIGHTS is missing.
ifneq ($(filter quality,$(MAKECMDGOALS)),)
ifeq ($(strip $(WEIGHTS)),)
$(error WEIGHTS: not set; name weights files, such as make quality WEIGHTS=data/pretrained/infer.pth)
endif
endif

.PHONY: predictions plan test test-rest test-all check bench quality soak docs site

predictions: .venv/ready
	$(ENTER) snakemake --cores 8 results/predictions/

# List the jobs that `make predictions` would run, one per line.
plan: .venv/ready
	$(ENTER) python -m strataflow.workflow.plan results/predictions/

# The tests of a file share fixtures, so each file runs in one process.
PYTEST := pytest --numprocesses=2 --dist=loadfile

# Check the installation. test-rest takes up to an hour.
test: .venv/ready
	$(ENTER) $(PYTEST) -m "unit or smoke"

test-rest: .venv/ready
	$(ENTER) $(PYTEST) -m "not (unit or smoke)"

test-all: .venv/ready
	$(ENTER) $(PYTEST)

check: .venv/ready
	$(ENTER) ruff format --check .
	$(ENTER) ruff check .
	$(ENTER) mypy workflow_scripts tests benchmarks soak docs
	$(ENTER) snakefmt --check Snakefile rules
	$(ENTER) snakemake --lint

BENCHMARKS := segy patches synthesize networks training inference faults rgt unconformities viewer workflow

bench: .venv-bench/ready
	. .venv-bench/bin/activate && for name in $(BENCHMARKS); do \
	  python benchmarks/bench_$$name.py || exit 1; done && \
	  python benchmarks/summary.py

# make quality WEIGHTS="a.pth b.pth" [REFINE=c.pth] [PEER=peer.npz] [NAME=folder]
quality: .venv/ready
	$(ENTER) python benchmarks/quality/quality.py --weights $(WEIGHTS) \
	  $(if $(REFINE),--refine $(REFINE)) $(if $(PEER),--peer $(PEER)) $(if $(NAME),--name $(NAME))

soak: .venv/ready
	$(ENTER) pip install --quiet --disable-pip-version-check --requirement requirements-soak.txt || true
	$(ENTER) PYTHONPATH=tests:workflow_scripts python soak/soak.py

# Regenerate parts of docs/, after the demo. The figure of the stages needs Graphviz.
docs: predictions
	$(ENTER) python docs/make_configuration.py
	$(ENTER) python docs/make_pictures.py results/predictions/demo
	$(ENTER) snakemake --cores 1 --rulegraph -- results/predictions/ \
	  | sed '/label = "results.predictions/d; /-> 0$$/d' \
	  | tred | dot -Tpng -Gdpi=90 -Grankdir=LR -o docs/reference/stages.png

# Build the documentation site in site/.
site: .venv-docs/ready
	.venv-docs/bin/mkdocs build --strict

.venv/ready: requirements.txt requirements-test.txt requirements-formats.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(ENTER) pip install --quiet --disable-pip-version-check --requirement requirements.txt \
	  --requirement requirements-test.txt --requirement requirements-formats.txt
	$(ENTER) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv-bench/ready: requirements.txt requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	. .venv-bench/bin/activate && \
	  pip install --quiet --disable-pip-version-check --requirement requirements.txt \
	    --requirement requirements-test.txt --requirement requirements-bench.txt && \
	  pip install --quiet --disable-pip-version-check --no-deps segy==0.6.2
	touch $@

.venv-docs/ready: requirements-docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --quiet --disable-pip-version-check --requirement requirements-docs.txt
	touch $@
