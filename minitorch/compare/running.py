"""The script in a process of its own, under PyTorch or under minitorch."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["LIBRARIES", "Place", "Ran", "changes", "run"]

PACKAGE = Path(__file__).resolve().parents[1]
RECORDING = str(PACKAGE / "compare" / "recording.py")

LIBRARIES = {"PyTorch": [], "minitorch": ["-m", "minitorch", "run"]}
"""What stands before the script on the interpreter's command line."""

QUIET = {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0"}
"""The same order of sets on both sides, and no window that waits to be closed."""


class Ran(NamedTuple):
    """How a run went. error: the first line of an exception that nobody caught."""

    library: str
    status: int
    error: str
    printed: str
    complaints: str
    seconds: float


class Place(NamedTuple):
    """Where a run happens: its folder, the script as named from there, and a folder for what it leaves to us."""

    folder: Path
    script: str
    scratch: Path

    def copied(self, name):
        """The same in a copy of the folder, so that no run sees what another wrote."""
        folder = self.scratch / name
        unwanted = shutil.ignore_patterns(".git", ".venv", "__pycache__")
        shutil.copytree(self.folder, folder, symlinks=True, ignore=unwanted)
        path = Path(self.folder, self.script)
        inside = path.is_relative_to(self.folder)
        script = str(folder / path.relative_to(self.folder)) if inside else self.script
        return self._replace(folder=folder, script=script)

    def record(self, library):
        return self.scratch / f"{library}.record"


def run(library, place, arguments, seed, limit=0):
    """Run the script once, and record it if ``limit``, the bytes that a record may take, isn't 0."""
    told, printed = place.scratch / f"{library}.json", place.scratch / f"{library}.txt"
    told.unlink(missing_ok=True)
    place.record(library).touch()
    options = {"told": str(told), "seed": seed, "limit": limit, "record": str(place.record(library)) if limit else ""}
    command = [sys.executable, *LIBRARIES[library], RECORDING, json.dumps(options), place.script, *arguments]
    with open(printed, "wb") as out:
        streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": subprocess.PIPE}
        ended = subprocess.run(command, cwd=place.folder, env=environment(library), **streams)
    how = {"status": ended.returncode, "error": f"ended by itself with code {ended.returncode}", "seconds": 0.0}
    if told.exists():
        how = json.loads(told.read_text(encoding="utf-8"))
    text = printed.read_text(encoding="utf-8", errors="replace").replace(str(place.folder), ".")
    complaints = ended.stderr.decode(errors="replace")
    return Ran(library, how["status"], how["error"], text, complaints, how["seconds"])


def changes(folder, since):
    """The files below the folder that were written after the moment ``since``, in nanoseconds; hidden ones don't count."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        paths = [Path(here, name) for name in files if not name.startswith(".")]
        found += [path for path in paths if path.exists() and path.stat().st_mtime_ns >= since]
    return sorted(str(path.relative_to(folder)) for path in found)


def environment(library):
    """This process's, and for minitorch the way to this very package."""
    found = {**QUIET, **os.environ}
    if library == "minitorch":
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    return found
