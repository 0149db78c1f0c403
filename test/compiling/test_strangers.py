"""The programs of strangers.py compile whole and compute what they do eagerly."""

import pytest
from strangers import PROGRAMS, compared

COUNTS = {
    "frozen_half_way": 4, "groups_added_and_changed": 4, "a_smaller_last_batch": 2, "evaluated_between": 2, "stored_and_loaded": 2,
    "layers_left_out": 5, "accumulated_by_a_flag": 4,
}  # fmt: skip
"""Programs at most, where one doesn't do."""
LOOSE = {"grad_scaler": 2e-2}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_in_another_style(name):
    difference, became, count = compared(name)
    assert became == "whole" and count <= COUNTS.get(name, 1)
    assert difference < LOOSE.get(name, 2e-4)
