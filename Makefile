# edgekit. A target runs only the steps that are out of date.
#   MODEL=resnet18             what export-mobile exports (also FILE.py:FACTORY, PKG.MODULE:FACTORY, MODEL.pt)
#   ARGS="--weights random"    further options of `edgekit export`
#   TORCH_INDEX=URL            a wheel index for torch and torchvision, for example of CPU builds, which are much smaller
#   N=10000, SEED=0           how many mutants `make torture` makes, and which; N is also for `make faults` and `make soak`
#   PYTHON=python3.12          the interpreter that makes .venv (3.11 to 3.13)
MODEL ?= resnet18
ARGS ?=
PYTHON ?= python3
N ?= 10000
SEED ?= 0
TORCH_INDEX ?=

VENV := .venv
PY := $(VENV)/bin/python
EDGEKIT := $(VENV)/bin/edgekit
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.dev-ready
DOCS_READY := $(VENV)/.docs-ready
EXHAUSTIVE_READY := $(VENV)/.exhaustive-ready
EXHAUSTIVE_DEBIAN_PACKAGES := alsa-utils # a recording of a voice
PYTEST = $(PY) -m pytest -q --junitxml=build/logs/$@.xml
LANES := test-python test-runner test-installs
LANES_BESIDE := "android-apk test-android"
SLOW_LANES := test-runner-asan test-runner-tsan test-aarch64 test-exhaustive

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	tools/make_venv.sh "$(PYTHON)" "$(VENV)" "$(TORCH_INDEX)" ".[models]"
	@touch $@

$(DEV_READY): $(READY)
	tools/make_venv.sh "$(PYTHON)" "$(VENV)" "$(TORCH_INDEX)" ".[dev]"
	@touch $@

$(DOCS_READY): $(READY)
	tools/make_venv.sh "$(PYTHON)" "$(VENV)" "$(TORCH_INDEX)" ".[docs]"
	@touch $@

# facenet-pytorch requires an old torch, but its networks run in any.
$(EXHAUSTIVE_READY): $(DEV_READY)
	tools/make_venv.sh "$(PYTHON)" "$(VENV)" "$(TORCH_INDEX)" ".[exhaustive]"
	$(PY) -m pip install -q --no-deps facenet-pytorch==2.6.0
	@tools/system_deps.sh $(EXHAUSTIVE_DEBIAN_PACKAGES)
	@touch $@

venv: $(READY) ## make .venv and install edgekit into it

export-mobile: $(READY) ## export MODEL to build/mobile/MODEL/, verified
	$(EDGEKIT) export "$(MODEL)" $(ARGS)

test: system-deps $(DEV_READY) ## all tests except the slow ones
	@$(PY) tools/run_lanes.py $(LANES) --beside $(LANES_BESIDE)

test-slow: system-deps $(DEV_READY) ## every test, which takes hours
	@$(PY) tools/run_lanes.py $(LANES) $(LANES_BESIDE) $(SLOW_LANES)

test-python: $(DEV_READY) ## the tests of edgekit alone
	$(PYTEST) -m python -n 2 --dist loadfile

test-installs: runner wheel $(DEV_READY) ## the wheel and the installed library, without the checkout
	$(PYTEST) -m installs

test-exhaustive: runner wheel $(EXHAUSTIVE_READY) android-runtime-arm64 android-test-inputs ## whole models, the phones' library, older runtimes
	$(PYTEST) -m slow

test-torch: system-deps $(DEV_READY) android-runtime ## TORCH=oldest, pinned or newest: packages that an environment with this torch makes
	$(PYTEST) -m slow tests/test_torches.py -k "$(TORCH)"

lint: lint-python lint-cpp lint-github ## ruff, mypy, clang-format and the linters of GitHub's files

lint-python: $(DEV_READY)
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

lint-github: $(DEV_READY)
	tools/lint_github.sh $(VENV)/bin .github

format: $(DEV_READY) ## reformat
	$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix .

schemas: $(DEV_READY) ## write docs/schema from the Python types
	$(PY) tools/make_schemas.py

architecture: $(DEV_READY) ## draw docs/architecture.svg from the imports
	$(PY) tools/architecture_picture.py

docs: $(DOCS_READY) ## build the documentation, build/docs/index.html; a warning is an error
	$(PY) -m sphinx -q -W --keep-going -d build/doctrees docs build/docs

bench: $(DEV_READY) ## the figures of the README
	$(PY) benchmarks/export_cost.py

models-page: $(DEV_READY) ## write docs/models.md from a sweep of MODELS="NAME*,NAME", which goes on where it stopped (default: all names)
	$(EDGEKIT) sweep $(if $(MODELS),--models "$(MODELS)") --resume -o build/sweep $(ARGS) || test $$? = 1
	cp build/sweep/sweep.md docs/models.md

torture: runner $(DEV_READY) ## N=10000 mutants of a package in Python and the runner; the figures go into docs/reliability.md
	$(PY) -W ignore tools/torture.py -n $(N) --seed $(SEED) --write

faults: N = 50
faults: $(DEV_READY) ## N=50 killed exports, full disks, a read-only folder, two exports at once; figures likewise
	$(PY) -W ignore tools/faults.py -n $(N) --write

soak: N = 100000
soak: runner $(DEV_READY) ## N=100000 predictions by two threads, and 1,000 loads: memory must not grow; figures likewise
	$(PY) -W ignore tools/soak.py -n $(N) --write

wheel: $(READY) ## build dist/edgekit-*.whl
	rm -rf dist/edgekit-*.whl build/lib build/bdist.*
	$(PY) -m pip wheel -q --no-deps --wheel-dir dist .

system-deps: ## the Debian packages that the tests need
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES) clang-format

clean: ## remove what was built, but not .venv
	rm -rf build

include cpp_runner/runner.mk
include android_demo/android.mk

.PHONY: help venv export-mobile test test-slow test-python test-installs test-exhaustive test-torch torture faults soak lint lint-python lint-github format \
	schemas architecture docs bench models-page wheel system-deps clean
