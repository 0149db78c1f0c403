"""PyTorch's three test databases, whole, against the list of what is known to fail: ``make conformance``.

    python test/conformance/run.py                # all of it in a few minutes, one table
    python test/conformance/run.py --limit 2      # two samples of everything

``known_failures.txt`` beside this file has a line for each entry that is there and doesn't pass, and why. An entry that
fails and isn't in it, or is in it and passes, makes the run fail: the list only shrinks.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATABASES = {"operators": (0.75, 0.97), "modules": (0.90, None), "optimizers": (1.0, None)}
"""The share of all entries that is to pass whole; and of those that are there."""
PARTS = {"operators": 8, "modules": 4, "optimizers": 1}


def known_failures():
    """{(database, entry): reason}"""
    found = {}
    for line in (HERE / "known_failures.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            entry, _, reason = line.partition(":")
            found[tuple(entry.split())] = reason.strip()
    return found


def run_part(database, part, limit):
    """What one process printed of a part of a database."""
    command = [sys.executable, str(HERE / f"{database}.py"), "--part", f"{part}/{PARTS[database]}"]
    command = command if PARTS[database] > 1 else command[:2]
    command += ["--limit", str(limit)] if limit else []
    path = os.pathsep.join([str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return database, done.stdout


def read(outputs):
    """For each database its counts (entries, there, pass), what fails with the first reason, and what isn't there."""
    counts = {database: [0, 0, 0] for database in DATABASES}
    failing, absent = {}, []
    for database, text in outputs:
        *lines, last = text.strip().splitlines()
        for i, word in enumerate(last.replace(",", "").split()[::2]):
            counts[database][i] += int(word)
        for line in lines:
            name, _, what = line.strip().partition(" ")
            if what.strip() == "it isn't there":
                absent.append((database, name))
            elif what and "trials," not in what:
                failing.setdefault((database, name), what.strip())
    return counts, failing, absent


def report(counts, absent):
    """Print the table; False if a share is too small."""
    good = True
    print(f"{'database':12} {'entries':>8} {'there':>6} {'pass whole':>11} {'of all':>8} {'of those there':>15}")
    for database, (entries, there, passed) in counts.items():
        of_all, of_there = DATABASES[database]
        good = good and passed >= of_all * entries and passed >= (of_there or 0) * there
        print(f"{database:12} {entries:8} {there:6} {passed:11} {passed / entries:8.1%} {passed / max(there, 1):15.1%}")
    print("\nnot there:", ", ".join(name for _, name in absent) or "nothing")
    return good


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--limit", type=int, default=None, help="samples of each dtype; all unless said")
    options.add_argument("--processes", type=int, default=os.cpu_count())
    asked = options.parse_args()
    jobs = [(database, part + 1) for database, parts in PARTS.items() for part in range(parts)]
    with ThreadPoolExecutor(asked.processes) as pool:
        outputs = list(pool.map(lambda job: run_part(*job, asked.limit), jobs))
    counts, failing, absent = read(outputs)
    good, known = report(counts, absent), known_failures()
    for entry in sorted(failing.keys() - known.keys()):
        print(f"fails and isn't listed: {' '.join(entry)}: {failing[entry]}")
    for entry in sorted(known.keys() - failing.keys()) if asked.limit is None else ():
        print(f"listed and passes, take it off the list: {' '.join(entry)}")
    fresh = failing.keys() - known.keys() or (asked.limit is None and known.keys() - failing.keys())
    raise SystemExit(1 if fresh or not good else 0)


if __name__ == "__main__":
    main()
