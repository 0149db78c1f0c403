"""Random graphs as GPU programs, run on the CPU (cuda_shim.h), for as long as one likes.

    python test/compiler/fuzz_cuda.py --examples 2000      # prints the first graph of each kind that goes wrong
    python test/compiler/fuzz_cuda.py --seed 1304          # that one alone
    python test/compiler/fuzz_cuda.py --ptx                # also through NVRTC or nvcc, for two architectures
    python test/compiler/fuzz_cuda.py --programs           # instead, every kernel of the steps of training through it
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import ptx  # noqa: E402
from fuzz_graphs import all_right, sample_of  # noqa: E402
from gpu_programs import PROGRAMS  # noqa: E402
from test_cuda import agrees, assert_compiles  # noqa: E402

ARCHITECTURES = ("compute_80", "compute_90")


def tried(seed, compiled):
    """Raise an exception where a graph's program is wrong, or isn't one for a GPU."""
    program = agrees(sample_of(seed))
    if compiled and program.functions:
        for architecture in ARCHITECTURES:
            ptx.ptx(program.source, architecture)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--examples", type=int, default=200)
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--seed", type=int, help="one graph, with the whole traceback")
    options.add_argument("--ptx", action="store_true", help="compile for GPUs too")
    options.add_argument("--programs", action="store_true", help="steps of training, for GPUs only")
    asked = options.parse_args()
    if asked.programs:
        for name in PROGRAMS:
            for architecture in ARCHITECTURES:
                assert_compiles(name, architecture)
                print(f"{name} compiles for {architecture}", flush=True)
        return False
    if asked.seed is not None:
        return tried(asked.seed, asked.ptx)
    return not all_right(lambda seed: tried(seed, asked.ptx), range(asked.first, asked.first + asked.examples))


if __name__ == "__main__":
    sys.exit(main())
