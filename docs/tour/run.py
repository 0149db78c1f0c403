"""Runs the chapters of the tour: every snippet, in order, and compares what it prints with what the page says.

    python docs/tour/run.py            all of them; python docs/tour/run.py 09 11   some
    python docs/tour/run.py --write    puts what they print today into the pages

In a page, a block "python" is run, and a block "text" right behind it is what it prints. A block "python PATH" isn't run: it
quotes that file, whose lines must stand there so; a line "…" leaves some out.
"""

import contextlib
import io
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BLOCK = re.compile(r"^```(\S*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
MODEL = "model"

__all__ = ["chapters", "missing_files", "quotations", "rewritten", "run", "wrong_lines"]


def chapters():
    """The pages, in order."""
    return sorted(HERE.glob("[0-9]*.md"))


def run(text):
    """[(block, the next block or None, what the first one printed)] of a page's snippets."""
    names, results, blocks = {"__name__": "__chapter__"}, [], list(BLOCK.finditer(text))
    with at_home():
        for block, following in zip(blocks, [*blocks[1:], None]):
            if block[1] == "python" and not block[2]:
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    exec(compile(block[3], "<the tour>", "exec"), names)
                told = following if following is not None and following[1] == "text" else None
                results.append((block, told, printed.getvalue().rstrip() + "\n"))
    return results


@contextlib.contextmanager
def at_home():
    """In this block model.py is found, and made anew: each chapter starts with untrained weights."""
    sys.path.insert(0, str(HERE))
    sys.modules.pop(MODEL, None)
    try:
        yield
    finally:
        sys.path.remove(str(HERE))
        sys.modules.pop(MODEL, None)


def rewritten(text):
    """The page with what its snippets print today."""
    for _, told, printed in reversed(run(text)):
        if told is not None:
            text = text[: told.start(3)] + printed + text[told.end(3) :]
    return text


def quotations(text):
    """[(path, lines)] of a page's quotations."""
    return [(block[2], block[3].splitlines()) for block in BLOCK.finditer(text) if block[1] == "python" and block[2]]


def wrong_lines(path, lines):
    """The first line of each quoted piece that doesn't stand in the file behind the piece before; "…" parts pieces."""
    source = [line.strip() for line in (ROOT / path).read_text().splitlines() if line.strip()]
    at, wrong = 0, []
    for piece in "\n".join([line.strip() for line in lines if line.strip()]).split("…\n"):
        quoted = piece.strip("\n").split("\n")
        found = [k for k in range(at, len(source)) if source[k : k + len(quoted)] == quoted]
        if found:
            at = found[0] + len(quoted)
        else:
            wrong.append(quoted[0])
    return wrong


def missing_files(text):
    """The linked files that don't exist, and names of files that nobody has."""
    targets = [HERE / target for target in LINK.findall(text)]
    targets += [ROOT / name for name in re.findall(r"`((?:minitorch|test|bench|examples)/[\w/]+\.py)`", text)]
    return [str(target) for target in targets if not target.exists()]


def main(arguments):
    sys.path.insert(0, str(ROOT))
    wanted = [a for a in arguments if not a.startswith("-")]
    status = 0
    for path in chapters():
        if wanted and not any([path.name.startswith(a) for a in wanted]):
            continue
        old = path.read_text()
        new = rewritten(old)
        if "--write" in arguments:
            path.write_text(new)
        wrong = [line for p, lines in quotations(old) for line in wrong_lines(p, lines)] + missing_files(old)
        if wrong or (new != old and "--write" not in arguments):
            status = 1
        print(path.name, "as it says" if new == old else "prints something else", *wrong)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
