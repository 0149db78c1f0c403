"""Lets tests import what they share, ``oracle``, ``samples`` and ``native``, by name."""

import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent))

torch.set_num_threads(1)
