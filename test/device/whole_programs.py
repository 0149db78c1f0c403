"""Programs of examples/ and test/programs on a GPU and on the CPU: they print the same losses (there.py).

    python test/device/whole_programs.py                           all of them, two at a time; on the stand-in that takes some minutes
    python test/device/whole_programs.py --only names gpt          those whose names contain a word
    python test/device/whole_programs.py --seconds 60 --at-once 8  begin none later than that
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT))

from minitorch.compare.printed import different_line  # noqa: E402

__all__ = ["PROGRAMS", "QUICK", "outcome"]

MNIST = ROOT.parent / "shared" / "data" / "mnist"
DIGITS = f"--data {MNIST} --limit 64 --batch-size 8 --epochs 1"
ORDINARY, DIVIDED = 1e-4, 1e-3
"""How far numbers may be apart, relatively; and where they are divided by something close to zero, or played with long after."""

PROGRAMS = {  # program: (its arguments, the tolerance)
    "examples/names.py": ("--steps 20", ORDINARY), "examples/digits.py": ("--epochs 1", ORDINARY),
    "examples/resume.py": ("--steps 20 --samples 200", ORDINARY),
    "examples/gpt.py": (f"--steps 20 --batch-size 4 --block 16 --layers 2 --width 16 --sample 40 --data {ROOT / 'examples/names.py'}", ORDINARY),
    "examples/mnist.py": (DIGITS, ORDINARY), "examples/mnist_torchvision.py": (f"{DIGITS} --out runs", ORDINARY),
    **{f"test/programs/{name}.py": ("", ORDINARY) for name in (
        "compression", "contrastive", "densities", "diffusion", "dqn", "fourier_operator", "gan", "gaussian_process", "graph_convolution",
        "maml", "modern_gpt", "neural_ode", "optimizers", "pinn", "ppo", "segmentation", "seq2seq_transformer",
        "sine_waves", "speech", "tagging", "translation", "vit", "wgan_gp", "word2vec")},
    **{f"test/programs/{name}.py": ("", DIVIDED) for name in ("dcgan", "reinforce", "style_transfer")},
    "test/programs/actor_critic.py": ("--episodes 20", DIVIDED),
    "test/programs/names.py": ("--device DEVICE", ORDINARY),
}  # fmt: skip
"""The others keep their tensors on the CPU, read them in forked workers, or pin what they think is there."""

QUICK = ["examples/resume.py", "examples/names.py", "test/programs/word2vec.py"]
"""Those that take a few seconds on the stand-in."""


def printed(program, device, seconds):
    """What a program prints on a device, but for where it saved something and how long it took. Raises RuntimeError if it fails."""
    arguments = PROGRAMS[program][0].replace("DEVICE", device).split()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "there.py"), device, str(ROOT / program), *arguments]
        told = {**os.environ, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=told, timeout=seconds)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise RuntimeError(next((line for line in reversed(said) if re.match(r"[\w.]*(Error|Exception)\b", line)), said[-1]))
    lines = [line for line in done.stdout.splitlines() if not line.startswith("saved")]
    return "\n".join([" ".join([word for word, unit in zip(line.split(), [*line.split()[1:], ""]) if unit != "s,"]) for line in lines])


def outcome(program, seconds=300):
    """None if a program prints the same on both devices; else what differs, or what went wrong."""
    if str(MNIST) in PROGRAMS[program][0] and not MNIST.is_dir():
        return None
    try:
        texts = [printed(program, device, seconds) for device in ("cpu", "cuda")]
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)
    found = different_line(texts, PROGRAMS[program][1])
    return f"line {found.number}: on the CPU {found.lines[0]!r}, on the GPU {found.lines[1]!r}" if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[""], help="programs whose names contain one of these words")
    parser.add_argument("--seconds", type=float, default=3600, help="begin none later")
    parser.add_argument("--at-once", type=int, default=2)
    arguments = parser.parse_args()
    start = time.time()

    def tried(program):
        if time.time() - start > arguments.seconds:
            return "not begun"
        found = outcome(program)
        print(f"{program}: {found or 'the same'}", flush=True)
        return found

    with ThreadPoolExecutor(arguments.at_once) as pool:
        found = list(pool.map(tried, [name for name in PROGRAMS if any([word in name for word in arguments.only])]))
    late = found.count("not begun")
    print(f"{found.count(None)} programs print the same on both devices, {len(found) - found.count(None) - late} don't, {late} not begun")
    return len(found) - found.count(None) > late


if __name__ == "__main__":
    sys.exit(main())
