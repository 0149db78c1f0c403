"""Two records, read side by side: the n-th time that an expression was evaluated here with the n-th time there."""

import marshal
from collections import Counter
from typing import NamedTuple

__all__ = ["Entry", "Evaluation", "Pairs", "Site"]


class Site(NamedTuple):
    """An expression in the script. kind: "value", "backward", "step", "unfilled", "sized" or "module", see recording.py."""

    path: str
    line: int
    column: int
    kind: str
    text: str
    label: str


class Entry(NamedTuple):
    """One tensor: what it is to its expression, and its elements, each ``every``-th of them. None: not written."""

    role: str
    dtype: str
    shape: tuple
    every: int
    data: bytes | None


class Evaluation(NamedTuple):
    """An expression evaluated for the ``time``-th time, as the ``position``-th of the record.

    anchor: (backwards and steps before it, how many-th time since then), which is what pairs go by: were it evaluated more
    often on one side, the two would be together again after the next backward.
    """

    site: Site
    time: int
    position: int
    anchor: tuple[int, int]
    steps: int
    entries: list


class Record:
    """A record's evaluations in order. ``at(place)`` reads one again."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.sites: dict[int, Site] = {}
        self.times: Counter[Site] = Counter()
        self.since: Counter[Site] = Counter()
        self.count = self.anchors = 0

    def close(self):
        self.file.close()

    def next(self):
        """(evaluation, its place in the file), or None at the end; a script that was killed leaves half a record."""
        while True:
            place = self.file.tell()
            try:
                told = marshal.load(self.file)
            except (EOFError, ValueError, TypeError):
                return None
            if told[0] != "site":
                break
            self.sites[told[1]] = Site(*told[2])
        site = self.sites[told[0]]
        self.times[site] += 1
        self.since[site] += 1
        self.count += 1
        came = self.evaluation(told, self.times[site], self.count, (self.anchors, self.since[site]))
        if site.kind in ("backward", "step"):
            self.anchors += 1
            self.since.clear()
        return came, place

    def evaluation(self, told, *counts):
        number, steps, entries = told
        return Evaluation(self.sites[number], *counts, steps, [Entry(*entry) for entry in entries])

    def at(self, place, *counts):
        here = self.file.tell()
        self.file.seek(place)
        told = marshal.load(self.file)
        self.file.seek(here)
        return self.evaluation(told, *counts)


class Pairs:
    """Iterates over (evaluation in the first record, the same in the second). What has no partner is in ``alone`` after.

    Both records are read at one pace. An evaluation whose partner hasn't come yet waits, as its place in the file.
    """

    def __init__(self, *paths):
        self.records = [Record(path) for path in paths]
        self.waiting: list[dict] = [{}, {}]
        self.telling: list[set] = [set(), set()]

    def __iter__(self):
        ended = [False, False]
        while not all(ended):
            came = [None if over else record.next() for over, record in zip(ended, self.records)]
            ended = [one is None for one in came]
            if not any(ended) and came[0][0].site == came[1][0].site and came[0][0].anchor == came[1][0].anchor:
                yield came[0][0], came[1][0]
            else:
                yield from self.late(came)

    def late(self, came):
        for side in (0, 1):
            if came[side] is None:
                continue
            evaluation, place = came[side]
            key = evaluation.site, evaluation.anchor
            found = self.waiting[1 - side].pop(key, None)
            if found is None:
                self.waiting[side][key] = place, evaluation.time, evaluation.position, evaluation.anchor
                if evaluation.site.kind != "module" and any(entry.data is not None for entry in evaluation.entries):
                    self.telling[side].add(key)
            else:
                other = self.records[1 - side].at(*found)
                yield (evaluation, other) if side == 0 else (other, evaluation)

    def alone(self, side):
        """[(position, site, time)] of what only one of the two evaluated.

        That a library calls a module, or the script's ``__len__``, more often than the other is its own affair: of a
        script's expressions, those count that came to a tensor not seen before.
        """
        waiting = self.waiting[side].items()
        left = [(position, key[0], time) for key, (_, time, position, _) in waiting if key in self.telling[side]]
        return sorted(left, key=lambda one: one[0])

    def close(self):
        for record in self.records:
            record.close()
