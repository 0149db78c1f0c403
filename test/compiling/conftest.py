"""Lets tests import what they share, ``stress``, by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
