"""Python sources of scripts, notebooks and folders, as syntax trees."""

import ast
import json
import os
import tokenize
import warnings
from collections import namedtuple
from pathlib import Path

__all__ = ["Source", "Unreadable", "files_of"]

NOT_THE_PROJECTS = {"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv"}
"""Folders that hold other people's files; so do those whose name begins with a dot."""
STILL_PYTHON = ("%%capture", "%%prun", "%%time")
"""The notebook's commands whose cell is Python all the same."""


class Unreadable(Exception):
    """A file that can't be read, or isn't Python, and why."""


class Place(namedtuple("Place", ["file", "cell", "line", "text"])):
    """A line of a script, or of a notebook's cell; ``cell`` is None in a script."""

    def __str__(self):
        cell = "" if self.cell is None else f"cell {self.cell}:"
        return f"{self.file}:{cell}{self.line}: {self.text}"


class Source:
    """A script or a notebook: its cells one after the other in one ``tree``, which ``place`` finds them by again.

    A cell that isn't Python is left out, and named in ``unreadable``. Raises Unreadable where there is nothing to parse.
    """

    def __init__(self, path):
        self.tree, self.places, self.unreadable = ast.Module([], []), [], []
        for cell, text in cells_of(path):
            lines = text.splitlines()
            try:
                tree = parsed(text)
            except SyntaxError as error:
                self.unreadable.append(str(Place(str(path), cell, error.lineno, error.msg)))
            except (ValueError, RecursionError, MemoryError) as error:
                self.unreadable.append(f"{path}: {error}")
            else:
                self.tree.body += ast.increment_lineno(tree, len(self.places)).body
                self.places += [Place(str(path), cell, i, line.strip()) for i, line in enumerate(lines, start=1)]

    def place(self, line):
        """The Place of a line of the tree."""
        return self.places[line - 1]


def parsed(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a source has to be warned of concerns those who run it
        return ast.parse(text)


def files_of(path):
    """The scripts and notebooks of a folder, in order; of a file, itself."""
    if not path.is_dir():
        return [path]
    files = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in NOT_THE_PROJECTS and not name.startswith("."))
        files += [Path(folder, name) for name in sorted(names) if name.endswith((".py", ".ipynb"))]
    return files


def cells_of(path):
    """[(number, text)] of a notebook's code; [(None, text)] of a script."""
    try:
        if path.suffix == ".ipynb":
            return notebook_cells(json.loads(path.read_text(encoding="utf-8")))
        with tokenize.open(path) as file:  # in the encoding that its first lines declare
            return [(None, file.read())]
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:  # an unknown or wrong encoding; no JSON
        raise Unreadable(f"{path}: {error}") from None
    except (AttributeError, KeyError, TypeError):
        raise Unreadable(f"{path}: no notebook") from None


def notebook_cells(notebook):
    sheets = notebook.get("worksheets", [notebook])  # before version 4 the cells were in sheets
    cells = [cell for sheet in sheets for cell in sheet["cells"]]
    code = [(i, cell) for i, cell in enumerate(cells, start=1) if cell["cell_type"] == "code"]
    return [(i, without_commands("".join(cell["source"] if "source" in cell else cell["input"]))) for i, cell in code]


def without_commands(text):
    """The cell with ``pass`` for what only the notebook understands, so that its lines keep their numbers.

    >>> print(without_commands("%matplotlib inline\\nif x:\\n    !pip install einops\\ny = !ls\\nhelp?"))
    pass
    if x:
        pass
    pass
    pass
    """
    if text.lstrip().startswith("%%") and not text.lstrip().startswith(STILL_PYTHON):
        return ""
    return "\n".join(without_command(line) for line in text.splitlines())


def without_command(line):
    code = line.strip()
    assigned = code.partition("=")[2].lstrip()
    if code.startswith(("%", "!", "?")) or assigned.startswith(("!", "%")) or code.endswith("?"):
        return f"{line[: len(line) - len(line.lstrip())]}pass"
    return line
