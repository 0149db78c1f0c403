"""What every test and doctest starts from."""

import importlib.util
import os

# Files that are for CuPy alone can't be looked through without it.
collect_ignore_glob = [] if importlib.util.find_spec("cupy") else ["minitorch/backends/cupy*.py", "test/device/under_cupy.py"]

# Tests run in one process per core, so each gets one thread: set before NumPy and PyTorch first load.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import hypothesis  # noqa: E402
import pytest  # noqa: E402

import minitorch  # noqa: E402

minitorch.manual_seed(minitorch.Generator().initial_seed())  # a test that seeds nothing finds the same numbers on each run

# The same examples on each run, and no time limit on a busy machine.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")


@pytest.fixture(autouse=True)
def vocabulary(doctest_namespace):
    """The names that a docstring's example may use without importing them."""
    doctest_namespace.update(
        torch=minitorch, nn=minitorch.nn, F=minitorch.nn.functional, optim=minitorch.optim, tensor=minitorch.tensor
    )
