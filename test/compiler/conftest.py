"""Lets tests import what they share, ``random_graphs``, by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
