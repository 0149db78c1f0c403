"""Views, copied, against PyTorch."""

import numpy
import pytest
from oracle import Raised, agree, expression

X = numpy.arange(12.0).reshape(3, 4) / 3 - 1.5


EXPRESSIONS = [
    "t.alias_copy(x), t.detach_copy(x.detach()), t.diagonal_copy(x, 1), t.expand_copy(x, (2, 3, 4)), t.narrow_copy(x, 1, 1, 2), t.permute_copy(x, (1, 0)), t.select_copy(x, 0, 1)",
    "t.slice_copy(x, 1, 0, 4, 2), t.split_copy(x, 2, 1), t.split_with_sizes_copy(x, [1, 2]), t.squeeze_copy(x[None]), t.t_copy(x), t.transpose_copy(x, 0, 1)",
    "t.unbind_copy(x), t.unfold_copy(x, 1, 2, 1), t.unsqueeze_copy(x, 0), t.view_copy(x, (4, 3))",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X))
    assert not isinstance(expected, Raised), expected
