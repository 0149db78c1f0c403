"""Some of the trainers of trainers/alike.py: 20 steps by PyTorch, eagerly and compiled go alike, and the steps compile."""

import sys
import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import minitorch  # noqa: E402

sys.path.append(str(Path(__file__).parent / "trainers"))

import alike  # noqa: E402

COUNTS = {
    "a_class_with_callbacks": 1, "a_codebook": 1, "a_memory_that_turns": 1, "a_step_that_is_a_module": 2, "bfloat16_weights_and_float_copies": 1,
    "groups_with_numbers_of_their_own": 3, "heads_by_name": 2, "hooks_that_measure": 2, "inputs_out_of_order": 5,
    "layers_thawed_one_by_one": 3, "resumed_from_a_file": 2, "the_rate_is_an_argument": 1, "a_curriculum": 3,
}  # fmt: skip
"""Programs at most, of all that a trainer compiles."""


@pytest.mark.parametrize("name", COUNTS)
def test_a_trainer_goes_as_with_pytorch(name):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch")
        expected = alike.ran(name, torch)
    eager, compiled = alike.ran(name, minitorch), alike.ran(name, minitorch, True)
    alike.assert_alike(eager, expected, 2e-3, 2e-4)
    alike.assert_alike(compiled, eager, 5e-4, 5e-5)
    became, count = alike.became(compiled)
    assert became.startswith(("whole", "NumPy")) and count <= COUNTS[name]
