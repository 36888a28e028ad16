# Every target sets up its own environment in .venv.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint bench clean

demo: .venv/run
	$(BIN)/python -m gaitgs_jax prepare --dataset=synthetic_walkers \
	  --variant=demo --data_dir=runs/data
	$(BIN)/python launch.py --config=configs/demo.py --workdir=runs/demo
	$(BIN)/python -m gaitgs_jax report --workdir=runs/demo

test: .venv/dev
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/run
	for name in input walkers evaluation embed_batched train_step embed rounding search; do \
	  $(BIN)/python -m benchmarks.$$name || exit 1; \
	done

clean:
	rm -rf runs/demo runs/data

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ .venv/run
