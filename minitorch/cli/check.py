"""``minitorch check``: what a program would miss here, told without running it."""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import click

from ..absent import advice, in_pytorch
from ..engine import Tensor
from ..nn import Module
from ..optim import Optimizer
from .names import accepts, found, there
from .sources import Source, Unreadable, files_of
from .uses import uses_of

__all__ = []

ARRAY = type(Tensor(0.0).detach().numpy())
OTHERS = set().union(*map(dir, (Module, Optimizer, ARRAY, str, bytes, list, dict, set, tuple, float)))
"""Names that other objects have too: a method so named may be theirs."""


class Report:
    """What the sources use: counts of the names that are here, and the places of those that aren't."""

    def __init__(self):
        self.files = 0
        self.here, self.methods = Counter(), Counter()
        self.missing, self.keywords, self.perhaps = defaultdict(list), defaultdict(list), defaultdict(list)
        self.unreadable = []

    def read(self, path):
        """Add a file, or the files of a folder."""
        for file in files_of(path):
            self.files += 1
            try:
                source = Source(file)
            except Unreadable as error:
                self.unreadable.append(str(error))
                continue
            self.unreadable += source.unreadable
            for use in uses_of(source.tree):
                self.add(use, source.place(use.line))

    def add(self, use, place):
        if use.name.startswith("Tensor."):
            self.add_method(use, place)
        elif (name := there(use.name)) is None or refusal(name):
            self.missing[name or use.name].append(place)
        else:
            self.here[name] += 1
            for keyword in use.keywords if name == use.name else ():
                if not accepts(name, keyword):
                    self.keywords[f"{name}({keyword}=)"].append(place)

    def add_method(self, use, place):
        """A method of what may be a tensor: told so, or else by a name that only tensors have."""
        name = use.name.rpartition(".")[2]
        if not use.told and (name in OTHERS or name.startswith("_")):
            return
        if hasattr(Tensor, name):
            (self.here if use.told else self.methods)[use.name] += 1
        elif in_pytorch(use.name):
            (self.missing if use.told else self.perhaps)[use.name].append(place)

    @property
    def exit_code(self):
        """0 if all is here, 1 if something is missing, 2 if a file can't be read."""
        return 2 if self.unreadable else 1 if self.missing or self.keywords else 0


def refusal(name):
    """The words with which a function refuses that is here by name only; None of any other."""
    text = getattr(found(name), "lacks", None)
    return text and text.replace("\n", "; ")


def why(name):
    """What to say of a name that is missing."""
    return refusal(name) or advice(name)


# ------------------------------------------------------------------------------------------------------------- printing


def text_of(report):
    """The report to read."""
    here, missing = len(report.here), len(report.missing)
    yield f"files read: {report.files}. names of PyTorch's: {here + missing}, here: {here}, not here: {missing}"
    yield from places("not here", report.missing, why)
    yield from places("keyword arguments that aren't taken", report.keywords)
    yield from places("perhaps not here: methods of PyTorch's tensors, told by their names only", report.perhaps, why)
    yield from counts("here", report.here)
    yield from counts("here: methods of tensors, told by their names only", report.methods)
    if report.unreadable:
        yield from ("", "not read", *(f"  {line}" for line in report.unreadable))


def places(title, found, why=lambda name: ""):
    if found:
        yield from ("", title)
    for name, where in by_uses(found, len):
        yield f"  {len(where):5}  {name}   {why(name)}".rstrip()
        yield from (f"             {place}" for place in where)


def counts(title, found):
    if found:
        yield from ("", title)
    for name, uses in by_uses(found, int):
        yield f"  {uses:5}  {name}"


def by_uses(found, count):
    """The items, those of most uses first."""
    return sorted(found.items(), key=lambda item: (-count(item[1]), item[0]))


def data_of(report):
    """The report as JSON has it."""

    def rows(found):
        return [{"name": n, "why": why(n), "uses": [p._asdict() for p in where]} for n, where in by_uses(found, len)]

    keywords = [{"name": n, "uses": [p._asdict() for p in where]} for n, where in by_uses(report.keywords, len)]
    return {
        "files": report.files,
        "missing": rows(report.missing),
        "keywords": keywords,
        "perhaps": rows(report.perhaps),
        "here": dict(by_uses(report.here, int)),
        "methods": dict(by_uses(report.methods, int)),
        "unreadable": report.unreadable,
    }


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def check(paths, as_json):
    """Which names of PyTorch's scripts, notebooks and folders use, how often, and which of them are here.

    Nothing is run. The exit code is 0 if all is here, 1 if a name or a keyword argument is missing, 2 if a file can't be
    read. Methods whose tensor can't be told from the text are listed apart, and don't count.
    """
    report = Report()
    for path in paths:
        report.read(path)
    print(json.dumps(data_of(report), indent=2) if as_json else "\n".join(text_of(report)))
    sys.exit(report.exit_code)
