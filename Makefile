# Every target sets up its own environment in .venv.
BIN = .venv/bin

.PHONY: demo test test-isa test-beam test-postgres test-golden lint docs bench clean run dev

demo: run
	$(BIN)/python -m gaitgs_jax prepare --dataset=synthetic_walkers \
	  --variant=demo --data_dir=runs/data
	$(BIN)/python launch.py --config=configs/demo.py --workdir=runs/demo
	$(BIN)/python -m gaitgs_jax report --workdir=runs/demo --walks

test: dev
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# As on older processors, and on one core.
test-isa: dev
	for isa in SSE4_2 AVX AVX2; do \
	  XLA_FLAGS=--xla_cpu_max_isa=$$isa \
	    $(BIN)/python -m pytest -n 2 --dist loadgroup || exit 1; \
	done
	taskset -c 0 $(BIN)/python -m pytest

# Every number of every golden file, which takes longer and up to 12 GB.
test-golden: dev
	GOLDEN=whole $(BIN)/python -m pytest tests/models -k golden

# Prepares through Apache Beam, in an environment of its own.
test-beam:
	python3 -m venv .venv-beam
	.venv-beam/bin/pip install -q -r requirements-dev.txt
	.venv-beam/bin/pip install -q -r requirements-beam.txt
	.venv-beam/bin/python -m pytest tests/data/test_beam.py

# Galleries in a PostgreSQL that a wheel brings, and an index of usearch.
test-postgres:
	python3 -m venv .venv-postgres
	.venv-postgres/bin/pip install -q -r requirements-dev.txt pgserver==0.1.4 \
	  -r requirements-postgres.txt -r requirements-usearch.txt
	.venv-postgres/bin/python -m pytest tests/gallery

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The docs as a site in build/site, in an environment of its own.
docs: .venv-docs/done
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet
	@echo 'build/site/index.html; searched where it is served:' \
	  '$(BIN)/python -m http.server --directory build/site'

# Of the same Python, which has venv.
.venv-docs/done: requirements-docs.txt | run
	$(BIN)/python -m venv --clear .venv-docs
	.venv-docs/bin/pip install --quiet --disable-pip-version-check \
	  -r requirements-docs.txt
	touch $@

bench: run
	for name in input walkers evaluation embed_batched train_step embed rounding search; do \
	  $(BIN)/python -m benchmarks.$$name || exit 1; \
	done

clean:
	rm -rf runs/demo runs/data

# What it does and needs is said in there; PYTHON names another Python.
run dev:
	@PYTHON='$(PYTHON)' .ci/environment $@
