# make demo    train a small network on real digits         (needs Python 3.11 or later, pip and make)
# make test    lint, types and all tests, against PyTorch   (installs PyTorch into .venv)
# make bench   side by side with PyTorch's eager mode; make bench-compiled   compiled steps, beside torch.compile and JAX too
# make conformance   PyTorch's own databases of operators, layers and optimizers, whole; make census  how much is here
# make tour    runs the chapters of docs/tour, and says which no longer print what they say
# make fuzz    30,000 damaged files read in little memory; make kill  processes killed while they save and train
#
# Everything is installed into .venv, once: again only after pyproject.toml changes.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --disable-pip-version-check --quiet --editable

.PHONY: demo test bench bench-compiled conformance census tour fuzz kill lint clean

demo: $(VENV)/examples.stamp
	$(RUN) examples/digits.py

test: lint
	$(RUN) -m pytest --numprocesses=auto

lint: $(VENV)/test.stamp
	$(RUN) -m ruff check .
	$(RUN) -m mypy

bench: $(VENV)/test.stamp
	$(RUN) bench/eager.py

bench-compiled: $(VENV)/bench.stamp
	$(RUN) bench/compiled.py

conformance: $(VENV)/test.stamp
	$(RUN) test/conformance/run.py

census: $(VENV)/test.stamp
	$(RUN) test/conformance/census.py

tour: $(VENV)/test.stamp
	$(RUN) docs/tour/run.py

fuzz: $(VENV)/test.stamp
	$(RUN) test/serialization/fuzz.py

kill: $(VENV)/test.stamp
	$(RUN) test/serialization/kill.py

$(VENV)/bench.stamp: $(VENV)/test.stamp
	@echo "Installing JAX into $(VENV), for the bench ..."
	$(INSTALL) ".[bench]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(RUN):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed (make PYTHON=/path/to/python3)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/examples.stamp: pyproject.toml | $(RUN)
	@echo "Installing NumPy, scikit-learn and matplotlib into $(VENV), for the examples ..."
	$(INSTALL) ".[examples]"
	@touch $@

$(VENV)/test.stamp: pyproject.toml | $(RUN)
	@echo "Installing PyTorch and the test tools into $(VENV), a few minutes ..."
	$(INSTALL) ".[test]"
	@touch $@ $(VENV)/examples.stamp
