"""The files here are programs; only the tests among them are collected, and they import the programs by name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

collect_ignore = ["bridge.py", "census.py", "operators.py", "modules.py", "optimizers.py", "run.py"]
