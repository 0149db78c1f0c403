"""The census itself, and that none of the 400 names most in use is missing."""

from pathlib import Path

import census
import pytest
import torch

from minitorch.cli.names import NOT_THERE, accepts, found

ROWS = census.census(Path(__file__).with_name("census_top.csv"))


def in_pytorch(name):
    value = torch if name.startswith("torch.") else torch.Tensor
    for part in name.split(".")[1:]:
        value = getattr(value, part)
    return value


def test_the_census_names_what_pytorch_has():
    assert len(ROWS) == 400
    assert all(in_pytorch(name) is not NOT_THERE for name, _, _ in ROWS)


def test_none_of_the_400_names_most_in_use_is_missing():
    assert census.missing_names(ROWS) == []


def test_what_is_counted_as_there():
    assert accepts("torch.nn.Linear", "bias") and accepts("torch.cat", "dim")
    assert accepts("torch.sum", "axis") and accepts("torch.add", "out")
    assert not accepts("torch.nn.Linear", "colour") and not accepts("torch.sum", "colour")
    assert not accepts("torch.nothing", "dim")
    assert found("torch.nn.nothing.at.all") is NOT_THERE


def test_shares_are_weighted_by_repositories_and_uses():
    rows = [("torch.cat", 3, 10), ("torch.nothing", 1, 30)]
    assert census.share(rows, census.is_there) == pytest.approx([1 / 2, 3 / 4, 10 / 40])
