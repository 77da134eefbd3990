# Each target works alone on a fresh clone with nothing but Python 3.10+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FUZZ_SECONDS ?= 60
# Two workers share the machine's cores; threads inside each would only compete.
TEST_ENV := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.PHONY: help demo test test-integration lint fix goldens docs bench bench-build-step bench-export bench-inference bench-serve bench-verify bench-wire fuzz mutants clean

help:
	@echo "make demo             export the sample model and watch its contract refuse bad requests"
	@echo "make test             lint, type-check and run every test"
	@echo "make test-integration  run the generated files in the real serving stacks, each in an environment of its own"
	@echo "make lint | fix       check | repair style"
	@echo "make goldens          renew the checked-in contracts and generated files of sample_models"
	@echo "make docs             renew the pages that are generated from the code, and build the site in site/"
	@echo "make bench            every benchmark; bench-build-step, bench-export, bench-inference, bench-verify and bench-wire run one"
	@echo "make bench-serve      load on contractgen serve, beside other servers (needs wrk, and java for TorchServe; half an hour)"
	@echo "make mutants          plant faults in contracts, code and models, and see each found"
	@echo "make fuzz             hostile bodies against the generated validators, for FUZZ_SECONDS"

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(READY)

demo: $(READY)
	@$(BIN)/python -m sample_models.demo

test: lint
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term

test-integration: $(READY)
	$(TEST_ENV) $(BIN)/python -m tests.integration.environments

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

goldens: $(READY)
	$(TEST_ENV) $(BIN)/python -m sample_models.goldens

docs: $(READY)
	$(BIN)/python -m docs.renew
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: bench-build-step bench-export bench-inference bench-verify bench-wire

bench-build-step: $(READY)
	$(BIN)/python -m benchmarks.build_step

bench-export: $(READY)
	$(BIN)/python -m benchmarks.export

bench-inference: $(READY)
	$(TEST_ENV) $(BIN)/python -m benchmarks.inference

bench-serve: $(READY)
	$(BIN)/python -m benchmarks.serve

bench-wire: $(READY)
	$(TEST_ENV) $(BIN)/python -m benchmarks.wire

bench-verify: $(READY)
	$(TEST_ENV) $(BIN)/python -m benchmarks.verify

fuzz: $(READY)
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m benchmarks.fuzz

mutants: $(READY)
	$(TEST_ENV) $(BIN)/python -m benchmarks.mutants

clean:
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache .coverage*
