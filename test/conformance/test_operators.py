"""A sample of PyTorch's operator database; the whole of it is run by ``make conformance``."""

import pytest
from operators import ENTRIES, failures, full_name
from run import known_failures

KNOWN = known_failures()
SAMPLE = [op for op in ENTRIES[::5] if ("operators", full_name(op)) not in KNOWN]


@pytest.mark.parametrize("op", SAMPLE, ids=full_name)
def test_agrees_with_torch(op):
    assert [text for text in failures(op, limit=3) if text != "it isn't there"] == []


def test_every_known_failure_has_a_reason():
    names = {full_name(op) for op in ENTRIES}
    assert all(reason for reason in KNOWN.values())
    assert [name for database, name in KNOWN if database == "operators" and name not in names] == []
