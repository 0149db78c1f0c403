"""The same script under PyTorch and under minitorch: where do they part?

``recording.py`` runs in each library's own process and writes down every tensor that the script's expressions come to;
``records`` reads both records side by side, ``distance`` and ``findings`` look for the first that differs, ``printed``
compares what was printed, and ``report`` tells it.
"""

import tempfile
import time
from pathlib import Path

from .distance import Allowed
from .findings import find
from .printed import different_line
from .report import Outcome
from .running import LIBRARIES, Place, changes, run

__all__ = ["Allowed", "compare"]


def compare(script, arguments=(), *, seed=0, allowed=None, limit=2**31, copy=False, timed=True, told=lambda text: None):
    """Run ``script`` under both libraries and return the Outcome: ``.code``, ``.text()`` and ``.data()``.

    allowed: the tolerance.   limit: the bytes that a record may take.   copy: give each run a copy of the current folder.
    timed: run it once more under each without a recorder.   told: receives a line before each run.
    """

    def once(library, name, limit=0):
        return run(library, place.copied(name) if copy else place, arguments, seed, limit)

    with tempfile.TemporaryDirectory(prefix="minitorch-compare-") as scratch:
        place = Place(Path.cwd(), str(Path(script).absolute()), Path(scratch))
        runs, left, start = [], [], time.time_ns()
        for library in LIBRARIES:
            left = changes(place.folder, start) if runs and not copy else []
            told(f"running {script} under {library}")
            runs.append(once(library, library, limit))
        findings = find([place.record(library) for library in LIBRARIES], allowed or Allowed())
        line = different_line([ran.printed for ran in runs], findings.rtol)
        seconds = None
        if timed and not any(ran.status for ran in runs):
            told("once more under each, for the time")
            seconds = tuple(once(library, f"{library} timed").seconds for library in LIBRARIES)
        return Outcome(str(script), tuple(runs), findings, line, seconds, left)
