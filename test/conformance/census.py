"""How much of what public PyTorch programs use is here, counted.

    python test/conformance/census.py                       # the shares
    python test/conformance/census.py --missing             # and what is missing, most used first
    python test/conformance/census.py --shared ../shared    # where census.csv and census_kwargs.csv are

``census_top.csv`` beside this file has the 400 names that most of 67 public repositories use, with the number of
repositories and of uses. The whole census, 1,372 names and their keyword arguments, is no part of this repository:
without it only the 400 are counted, and that is said.

A name is there if it can be reached; that it behaves is for the other programs and tests here. A keyword argument is
accepted if the signature has it, or takes any.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

from minitorch.cli.names import NOT_THERE, accepts, found

__all__ = ["census", "is_there", "kwargs_census", "missing_names", "share"]

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent.parent / "shared"


def census(path):
    """The rows of a census: (name, repositories, uses), those that most repositories use first."""
    with path.open(newline="") as file:
        return [(row["name"], int(row["repos"]), int(row["uses"])) for row in csv.DictReader(file)]


def kwargs_census(path):
    """(name, keyword, repositories, uses) of a census whose names read "torch.cat(dim=)"."""
    matched = [(re.fullmatch(r"(.+)\((\w+)=\)", name), repos, uses) for name, repos, uses in census(path)]
    return [(*match.groups(), repos, uses) for match, repos, uses in matched if match]  # not "torch.nn.Linear(**)"


def missing_names(rows):
    return [row for row in rows if found(row[0]) is NOT_THERE]


def share(rows, there):
    """The shares of the rows that are ``there``: of the rows, weighted by repositories, and by uses."""
    have = [row for row in rows if there(row)]
    return [len(have) / len(rows), *(sum(row[i] for row in have) / sum(row[i] for row in rows) for i in (-2, -1))]


def line(title, rows, there):
    names, repos, uses = share(rows, there)
    have = sum(1 for row in rows if there(row))
    return f"{title:34} {have:5} of {len(rows):5} {names:8.1%} {repos:16.1%} {uses:9.1%}"


def is_there(row):
    return found(row[0]) is not NOT_THERE


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--missing", action="store_true", help="list what is missing")
    options.add_argument("--shared", type=Path, default=SHARED, help="the folder with the whole census")
    asked = options.parse_args()

    print(f"{'':34} {'there':>14} {'names':>8} {'by repositories':>16} {'by uses':>9}")
    rows = census(HERE / "census_top.csv")
    print(line("the 400 names most in use", rows, is_there))
    if not (asked.shared / "census.csv").exists():
        print(f"the whole census isn't counted: {asked.shared / 'census.csv'} isn't there", file=sys.stderr)
        kwargs = []
    else:
        rows = census(asked.shared / "census.csv")
        print(line("all names", rows, is_there))
        kwargs = kwargs_census(asked.shared / "census_kwargs.csv")
        print(line("keyword arguments", kwargs, lambda row: accepts(*row[:2])))
    if asked.missing:
        for name, repos, uses in missing_names(rows):
            print(f"{name:60} {repos:3} {uses:5}")
        for name, keyword, repos, uses in kwargs:
            if is_there((name,)) and not accepts(name, keyword):
                print(f"{f'{name}({keyword}=)':60} {repos:3} {uses:5}")


if __name__ == "__main__":
    main()
