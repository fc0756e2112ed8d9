# GNU make 3.81 or newer, and a POSIX shell. No path here is absolute where make itself has to split
# it, so the directory may have a name with spaces.

# The Python that makes the environment. Name another one with: make PYTHON=python3.12 ...
PYTHON ?= python3

VENV := .venv
ENV := $(VENV)/bin/python
BOOK := _build/html/index.html

# The distributions, and where they are made from.
OURS := demo-runtime elyra-dask-runtime elyra-machine-runtime elyra-runtime-kit
SOURCES := . ./dask ./kit ./local

# Without bytecode, each kernel imports Elyra twice as slowly.
unexport PYTHONDONTWRITEBYTECODE

# Whoever calls make may have set these for the Jupyter of their own.
unexport JUPYTER_CONFIG_PATH JUPYTER_PATH JUPYTERLAB_DIR JUPYTERLAB_SETTINGS_DIR JUPYTERLAB_WORKSPACES_DIR
jupyter_in = JUPYTER_CONFIG_DIR="$(CURDIR)/$(1)/config" JUPYTER_DATA_DIR="$(CURDIR)/$(1)/data" \
	JUPYTER_RUNTIME_DIR="$(CURDIR)/$(1)/runtime" IPYTHONDIR="$(CURDIR)/$(1)/ipython"

.PHONY: help
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' Makefile

.PHONY: book
book: setup ## run every chapter, build the book, and say where it is
	@if $(BOOK_SOURCES) | cmp -s - _build/made-from; then \
		echo "Nothing that the book depends on has changed."; \
	else \
		$(MAKE) --no-print-directory _build; \
	fi
	@echo "The book is at $(CURDIR)/$(BOOK)"

.PHONY: print
print: book ## print the whole book as a PDF, with an installed Chromium
	@$(call jupyter_in,_build/jupyter) $(ENV) book/build.py singlehtml > _build/print.log 2>&1 || { cat _build/print.log; exit 1; }
	@$(ENV) pictures/printed.py

.PHONY: test
test: setup ## run all tests, the chapters too (some of them: make test ARGS="tests -k schema")
	@$(ENV) -m pytest $(ARGS)

.PHONY: check
check: setup ## run the tests of what has changed since the last commit, most in less than a minute
	@tests="$$($(ENV) tests/changed.py)"; \
		if [ -n "$$tests" ]; then $(ENV) -m pytest --numprocesses=logical $$tests; \
		else echo "Nothing has changed that has tests of its own."; fi

# Each in an environment of its own, which stays for the next time.
.PHONY: test-all
test-all: ## run all tests on each supported Python that is installed
	@for version in 3.10 3.11 3.12 3.13; do \
		if python$$version -c '' 2>/dev/null; then \
			echo "Python $$version:"; \
			$(MAKE) --no-print-directory test PYTHON=python$$version VENV=.venvs/$$version || failed="$$failed $$version"; \
		else \
			echo "Python $$version is not installed."; \
		fi; \
	done; \
	[ -z "$$failed" ] || { echo "Tests failed on Python$$failed."; exit 1; }

# .jupyter holds what differs here from JupyterLab as it comes: a double click opens a chapter as a notebook, which
# reads like its page, nobody asks about news, and the assistants stay away. What JupyterLab writes goes to .lab.
.PHONY: lab
lab: setup ## open the chapters in JupyterLab (with options: make lab ARGS="--no-browser --port=9000")
	@echo "Starting JupyterLab, which takes some seconds. Press Ctrl-C twice to end it."
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" $(call jupyter_in,.lab) \
		$(ENV) -m jupyterlab --LabApp.default_url=/lab/tree/book/start.md \
		--LabApp.extra_labextensions_path="$(CURDIR)/.jupyter/labextensions" $(ARGS)

.PHONY: expectations
expectations: setup ## write anew what the chapters are expected to show (one of them: CHAPTER=book/schema)
	@$(ENV) -m pytest --nb-test-files --nb-force-regen $(if $(CHAPTER),"_toc.yml::$(CHAPTER)")
	@echo "Look at the changes before you commit them: git diff tests/expectations"

.PHONY: pictures
pictures: setup ## take the pictures of the book anew, with an installed Chromium
	@$(ENV) pictures/take.py

.PHONY: bench
bench: setup ## measure how the cost grows with the number of nodes, the time to import, and runs on Dask
	@$(ENV) benchmarks/bench.py $(ARGS)
	@$(ENV) benchmarks/bench_kit.py
	@$(ENV) benchmarks/bench_page.py
	@$(ENV) benchmarks/bench_runs.py

# It asks Elyra, the doctor and the contract about hundreds of mistakes, and takes half an hour.
.PHONY: bench-doctor
bench-doctor: setup ## count the mistakes that hurt, and who names them (all kinds: make bench-doctor ARGS="--all")
	@$(ENV) -W ignore benchmarks/bench_doctor.py $(ARGS)

# Half a minute for each dozen of runtimes that are rubbish.
.PHONY: fuzz-contract
fuzz-contract: setup ## look for tracebacks of our own in the doctor and the contract (more of them: ARGS="--most 200 --seed 2")
	@$(ENV) -W ignore benchmarks/fuzz_contract.py $(ARGS)

# A folder that pip takes: pip install --find-links dist elyra-dask-runtime
.PHONY: dist
dist: setup ## build the wheels and the sdists of all distributions, in dist/
	@rm -rf dist
	@for source in $(SOURCES); do $(ENV) -m build --no-isolation --outdir dist $$source > dist.log || { cat dist.log; exit 1; }; done
	@rm dist.log
	@$(ENV) -m twine check --strict dist/*

.PHONY: matrix
matrix: dist ## find out with which versions of Elyra, JupyterLab, ipykernel and Python the runtimes work
	@$(ENV) matrix/matrix.py $(ARGS)

.PHONY: lock
lock: setup ## renew requirements.txt: the newest versions that pyproject.toml allows
	@$(ENV) -m uv pip compile --universal --python-version 3.10 --extra elyra --group dev pyproject.toml \
		$(addprefix --no-emit-package ,$(OURS)) -o requirements.txt --custom-compile-command "make lock" --upgrade -q

.PHONY: clean
clean: ## remove everything that make has made
	rm -rf .venv .venvs .lab .matrix _build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* .virtual_documents

# What the environment was made from is written last, so that an interrupted set-up is done again.
ENV_SOURCES = cksum pyproject.toml dask/pyproject.toml kit/pyproject.toml local/pyproject.toml requirements.txt
PYTHON_IS_GIVEN := $(filter command environment,$(firstword $(origin PYTHON)))

.PHONY: setup
setup:
	@if ! $(ENV) -c '' 2>/dev/null || ! $(ENV_SOURCES) | cmp -s - $(VENV)/made-from \
		$(if $(PYTHON_IS_GIVEN),|| [ "$$($(PYTHON) --version)" != "$$($(ENV) --version)" ]); then \
		$(MAKE) --no-print-directory _environment; \
	fi

define CHECK_PYTHON
import sys
if sys.version_info < (3, 10):
    sys.exit("Python 3.10 or newer is needed, and this is Python %s. Name another one: "
             "make PYTHON=python3.12 ..." % sys.version.split()[0])
try:
    import ensurepip, venv
except ImportError:
    sys.exit("This Python has no module %s. On Debian and Ubuntu, the package python3-venv brings it."
             % sys.exc_info()[1].name)
endef
export CHECK_PYTHON

.PHONY: _environment
_environment:
	@rm -rf $(VENV)
	@$(PYTHON) -c "$$CHECK_PYTHON"
	@echo "Setting up $(VENV): downloading Elyra, JupyterLab and Jupyter Book takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@PIP_USER=0 $(ENV) -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.txt)"
	@{ $(ENV) -m uv pip sync --compile-bytecode --python $(ENV) requirements.txt 2>&1 || touch $(VENV)/failed; } | grep -v '^ + '; \
		[ ! -e $(VENV)/failed ]
	@$(ENV) -m uv pip install --python $(ENV) --no-deps $(addprefix --editable ,$(SOURCES)) --quiet
	@$(ENV_SOURCES) > $(VENV)/made-from

# Caches of Sphinx and Jupyter do not know that the pages depend on the package. So there are none:
# a book is complete and up to date, or it is built anew.
BOOK_SOURCES = { $(ENV) --version; find book demo_runtime dask kit local jupyter-config _config.yml \
	_toc.yml pyproject.toml requirements.txt Makefile README.md tests/*.py -type f ! -path '*/__pycache__/*' ! -path '*/.ipynb_checkpoints/*' \
	-exec cksum {} + | LC_ALL=C sort; }

.PHONY: _build
_build:
	@echo "Building the book: running every chapter takes a minute or two."
	@rm -rf _build
	@mkdir -p _build/jupyter
	@$(BOOK_SOURCES) > _build/making-from
	@{ $(call jupyter_in,_build/jupyter) PYTHONUNBUFFERED=1 \
		$(ENV) book/build.py 2>&1 || touch _build/failed; } \
		| grep -v -e '^\[IPKernelApp\]' -e 'ParserConfig('; \
		[ ! -e _build/failed ] || { echo "The book was not built: the output above says why."; exit 1; }
	@! grep -rE '<(script|link|img|iframe)[^>]* (src|href)="(https?:)?//' _build/html --include='*.html' \
		|| { echo "The book was not built: the pages above need the network."; exit 1; }
	@mv _build/making-from _build/made-from
