"""Lets tests import what they share, ``stress``, by name; and lets tests run over both kinds of answers."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(params=["native", "python"])
def answers(request, monkeypatch):
    """Programs answer by native code where they can, and then none does."""
    if request.param == "python":
        monkeypatch.setattr("minitorch.compiling.program.quick_answer", lambda *of: (None, "as asked"))
