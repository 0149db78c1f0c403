"""Random graphs through every stage, for as long as one likes.

    python test/compiler/fuzz_graphs.py --examples 20000       # prints the first graph of each kind that goes wrong
    python test/compiler/fuzz_graphs.py --seed 2304            # that one alone
    python test/compiler/fuzz_graphs.py --machine avx2         # the programs for an older machine than this one
"""

import argparse
import os
import random
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["MINITORCH_CACHE"] = "0"

from random_graphs import grown  # noqa: E402
from test_stages import agrees  # noqa: E402

from minitorch.native.target import Target  # noqa: E402

MACHINES = {"this": None, "avx2": Target.avx2(), "generic": Target.generic()}


def sample_of(seed):
    source = random.Random(seed)
    return grown(lambda options: source.choice(list(options)))


def all_right(tried, seeds):
    """Call ``tried(seed)`` for each, and print the first seed of each kind of exception and how many there were."""
    kinds: dict = {}
    for seed in seeds:
        try:
            tried(seed)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
            kinds.setdefault(where, []).append(seed)
            if len(kinds[where]) == 1:
                print(f"\nseed {seed}, {where}: {error}", flush=True)
    print(f"\n{len(seeds)} graphs, {sum(map(len, kinds.values()))} went wrong")
    for where, found in kinds.items():
        print(f"{len(found):5} {where}: {found[:8]}")
    return not kinds


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--examples", type=int, default=2000)
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--seed", type=int, help="one graph, with the whole traceback")
    options.add_argument("--machine", choices=MACHINES, default="this", help="what the programs are written for")
    asked = options.parse_args()
    target = MACHINES[asked.machine]
    if asked.seed is not None:
        return agrees(sample_of(asked.seed), target)
    return not all_right(lambda seed: agrees(sample_of(seed), target), range(asked.first, asked.first + asked.examples))


if __name__ == "__main__":
    sys.exit(main())
