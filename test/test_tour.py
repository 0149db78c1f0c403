"""The tour tells the truth: its snippets run and print what the page says, and what it quotes stands in the library."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "docs" / "tour"
SPEC = spec_from_file_location("tour", TOUR / "run.py")
tour = module_from_spec(SPEC)
SPEC.loader.exec_module(tour)

PAGES = [path.name for path in tour.chapters()]
REWRITE = "what the code does has changed: read the chapter, then run: python docs/tour/run.py --write"


@pytest.mark.parametrize("page", PAGES)
def test_a_chapter_prints_what_it_says(page):
    for block, told, printed in tour.run((TOUR / page).read_text()):
        assert told is not None or printed.strip() == "", f"no output stands behind\n{block[3]}"
        assert told is None or told[3] == printed, REWRITE


@pytest.mark.parametrize("page", PAGES)
def test_what_it_quotes_is_there(page):
    text = (TOUR / page).read_text()
    wrong = [f"{path}: {line}" for path, lines in tour.quotations(text) for line in tour.wrong_lines(path, lines)]
    assert wrong + tour.missing_files(text) == []


@pytest.mark.parametrize("page", PAGES)
def test_each_chapter_has_its_parts(page):
    text = (TOUR / page).read_text()
    for part in ("\n*Reads: ", "\n> **torch:** ", "\n## Exercise\n", "<details><summary>Answer</summary>"):
        assert text.count(part) == 1, part
    assert f"]({page})" in (TOUR / "README.md").read_text()


def test_files_and_links_of_the_contents_exist():
    assert tour.missing_files((TOUR / "README.md").read_text()) == []


def test_quotations_are_compared_line_by_line():
    path = "docs/tour/model.py"
    neighbours = ["def step(x, y):", "    loss = nn.functional.mse_loss(model(x), y)"]
    assert tour.wrong_lines(path, neighbours) == []
    assert tour.wrong_lines(path, [neighbours[0], "    loss.backward()"]) == ["def step(x, y):"]
    assert tour.wrong_lines(path, [neighbours[0], "…", "    loss.backward()"]) == []
    assert tour.wrong_lines(path, ["loss.backward()", "…", *neighbours]) == ["def step(x, y):"]
    assert tour.wrong_lines(path, ["nothing of the kind"]) == ["nothing of the kind"]
    assert tour.missing_files("[here](nowhere.md) `minitorch/nowhere.py` [there](README.md)") == [
        str(TOUR / "nowhere.md"), str(ROOT / "minitorch/nowhere.py")
    ]  # fmt: skip


def test_what_changed_is_put_into_the_page():
    page = "```python\nprint(6 * 7)\n```\n```text\n41\n```\nand\n```python\nprint(1)\n```\n```text\n```\n"
    assert tour.rewritten(page) == "```python\nprint(6 * 7)\n```\n```text\n42\n```\nand\n```python\nprint(1)\n```\n```text\n1\n```\n"
