"""The outcome of a comparison, as text and as plain data."""

import math
import os
from pathlib import Path
from typing import NamedTuple

from .findings import Findings
from .printed import DifferentLine
from .running import LIBRARIES, Ran

__all__ = ["AGREE", "DIFFER", "FAILED", "Outcome"]

AGREE, DIFFER, FAILED = 0, 1, 2
"""The exit codes."""

NAMES = list(LIBRARIES)


class Outcome(NamedTuple):
    """Everything that is told. runs and seconds: PyTorch's first."""

    script: str
    runs: tuple[Ran, Ran]
    findings: Findings
    line: DifferentLine | None  # the first printed line that differs
    seconds: tuple[float, float] | None  # of a run without a recorder
    left: list[str]  # files that the first run left for the second

    @property
    def failed(self):
        """The runs that failed where the other didn't, or otherwise than the other."""
        ends = [(ran.status, ran.error) for ran in self.runs]
        return [ran for ran in self.runs if ran.status] if ends[0] != ends[1] else []

    @property
    def code(self):
        if self.failed:
            return FAILED
        return DIFFER if self.findings.first or self.line else AGREE

    # ---- as text

    def text(self):
        parts = [self.failure(ran) for ran in self.failed]
        found = self.findings
        parts.append(self.agreement() if found.first is None else difference_text(found.first, found))
        parts.append(self.remarks())
        return "\n".join(line for part in parts for line in part)

    def failure(self, ran):
        how = ran.error or f"exit code {ran.status}"
        return [f"{self.script} failed under {ran.library}: {how}", *indented(ran.complaints), ""]

    def agreement(self):
        found, short = self.findings, "up to there, " if self.failed else ""
        sampled = f" ({found.sampled:,} of them by evenly spaced elements)" if found.sampled else ""
        count = f"{found.tensors:,} tensors{sampled} of {found.evaluations:,} evaluated expressions"
        return [f"{short}all values agree: {count}"]

    def remarks(self):
        lines = [*self.largest(), *self.aside(), *self.alone(), *self.printed(), *self.ends()]
        if self.left:
            names = ", ".join(self.left[:3]) + ", …" * (len(self.left) > 3)
            lines.append(
                f"the first run wrote {names}, and the second found it: --copy gives each a copy of the folder"
            )
        if self.seconds is not None:
            lines += times_text(*self.seconds)
        return lines

    def largest(self):
        if self.findings.largest is None:
            return []
        far, evaluation = self.findings.largest
        site = evaluation.site
        return [f"largest distance within the tolerance: {gap_text(far)} at {where(site)}: {site.text}"]

    def aside(self):
        found = self.findings.aside
        if found is None:
            return []
        site, role = found.evaluations[0].site, found.entries[0].role
        count = f"{self.findings.cancelled:,} evaluated expressions"
        return [
            f"a gradient is so small that it is rounding, and moves a parameter: {where(site)}: {site.text}: {role}",
            f"  each library its own way; {count} differ by it, and it cancels",
        ]

    def alone(self):
        lines = []
        for name, alone in zip(NAMES, self.findings.alone):
            if alone and not self.failed:
                _, site, time = alone[0]
                first = f"{where(site)}: {site.text}, the {nth(time)} time"
                lines.append(f"evaluated under {name} alone: {len(alone):,}, the first {first}")
        return lines

    def printed(self):
        if self.failed and (self.line is None or None in self.line.lines):
            return []
        if self.line is None:
            return [f"printed output agrees: {plural(len(self.runs[0].printed.splitlines()), 'line')}"]
        shown = ["nothing: the output has ended" if line is None else line for line in self.line.lines]
        return [f"printed output differs first in line {self.line.number}:"] + sides(*shown)

    def ends(self):
        ran = self.runs[0]
        return [f"both end with {ran.error or f'exit code {ran.status}'}"] if ran.status and not self.failed else []

    # ---- as data

    def data(self):
        """The same for ``--json``."""
        found = self.findings
        return {
            "script": self.script, "exit_code": self.code, "agree": self.code == AGREE,
            "failed": {ran.library: {"status": ran.status, "error": ran.error, "stderr": ran.complaints} for ran in self.failed},
            "evaluations": found.evaluations, "tensors": found.tensors, "sampled": found.sampled, "differing": found.differing,
            "cancelled": found.cancelled,
            "difference": None if found.first is None else difference_data(found.first),
            "largest": None if found.largest is None else {**site_data(found.largest[1]), **distance_data(found.largest[0])},
            "alone": {
                name: [{"path": site.path, "line": site.line, "operation": site.text, "time": time} for _, site, time in alone[:20]]
                for name, alone in zip(NAMES, found.alone)
            },
            "printed": None if self.line is None else {"line": self.line.number, **dict(zip(NAMES, self.line.lines))},
            "left": self.left,
            "seconds": None if self.seconds is None else dict(zip(NAMES, self.seconds)),
        }  # fmt: skip


# ------------------------------------------------------------------------------------------------------ the difference


def difference_text(found, findings):
    evaluation, (a, b) = found.evaluations[0], found.entries
    site = evaluation.site
    entry = a or b
    again = f", the {nth(evaluation.time)} time that it ran" if evaluation.time > 1 else ""
    lines = [f"{where(site)}: {found.what} differ{again}", *indented(source_line(site)), f"  operation   {site.text}"]
    if entry.role:
        lines.append(f"  of it       {entry.role.removeprefix('.')}")
    if found.what == "values":
        lines += values_text(a, found.distance)
    else:
        lines += sides(*[f"{one.dtype} {one.shape}" if one is not None else "no tensor" for one in (a, b)])
    parting = findings.parting()
    if parting is not None:
        side, other, time = parting
        lines.append(f"  parted at   {where(other)}: {other.text} ran under {NAMES[side]} alone, the {nth(time)} time")
    count = f"{findings.differing:,} of {findings.evaluations:,} differ"
    many = count if findings.differing > 1 else "no other differs"
    return [*lines, f"  before it   {findings.agreeing:,} evaluated expressions agree; in all, {many}"]


def values_text(entry, far):
    written = f" written, of {math.prod(entry.shape):,}" if entry.every > 1 else ""
    over = "" if far.ratio == math.inf else f", {far.ratio:,.3g} times what is allowed"
    return [
        f"  tensor      {entry.dtype} {entry.shape}: {far.differing:,} of {far.written:,} elements{written} differ",
        f"  {'at' if far.ratio == math.inf else 'most at':<11} {list(far.place)}",
        *sides(*[repr(value) for value in far.values]),
        f"  distance    {gap_text(far)}{over}",
    ]


def difference_data(found):
    entries = [None if one is None else {"dtype": one.dtype, "shape": list(one.shape)} for one in found.entries]
    entry = found.entries[0] or found.entries[1]
    data = {"what": found.what, "tensor": entry.role, **site_data(found.evaluations[0]), **dict(zip(NAMES, entries))}
    return data if found.distance is None else {**data, **distance_data(found.distance)}


def site_data(evaluation):
    site = evaluation.site
    return {
        "path": site.path, "line": site.line, "source": source_line(site).strip(), "operation": site.text,
        "time": evaluation.time, "position": evaluation.position,
    }  # fmt: skip


def distance_data(far):
    return {
        "place": list(far.place), "values": dict(zip(NAMES, map(told, far.values))), "distance": told(far.gap), "ulp": far.ulp,
        "ratio": told(far.ratio),
        "differing": far.differing, "compared": far.written,
    }  # fmt: skip


def told(number):
    """JSON has no inf and no nan."""
    return number if math.isfinite(number) else str(number)


# --------------------------------------------------------------------------------------------------------------- words


def where(site):
    short = os.path.relpath(site.path)
    return f"{site.path if short.startswith('..') else short}:{site.line}"


def source_line(site):
    try:
        return Path(site.path).read_text(encoding="utf-8").splitlines()[site.line - 1]
    except (OSError, IndexError):
        return site.text


def indented(text):
    return [f"    {line}" for line in text.strip().splitlines()]


def gap_text(far):
    return f"{far.gap:.3g}" + ("" if far.ulp is None else f", {far.ulp:,} ulp")


def sides(*shown):
    return [f"  {name:<11} {text}" for name, text in zip(NAMES, shown)]


def nth(n):
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"


def plural(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def times_text(first, second):
    fast, slow = sorted((first, second))
    how = "as fast" if slow < 1.05 * fast else f"{slow / fast:.2f} times as {'fast' if second < first else 'slow'}"
    seconds = f"time: PyTorch {first:.3g} s, minitorch {second:.3g} s: {how}"
    lines = [f"{seconds} (one more run each, without recorder, imports not counted)"]
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > cores + 1:
        busy = f"load {load:.1f} on {plural(cores, 'core')}"
        lines.append(f"  the machine is busy ({busy}), so that these times say little")
    return lines
