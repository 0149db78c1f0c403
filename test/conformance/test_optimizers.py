"""Every optimizer through PyTorch's own list of options and errors; all of it by ``python test/conformance/optimizers.py``."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]
from optimizers import ENTRIES, failures  # noqa: E402


@pytest.mark.parametrize("info", ENTRIES, ids=lambda info: info.optim_cls.__name__)
def test_agrees_with_pytorch(info):
    texts, count = failures(info)
    assert count > 50
    assert texts == []
