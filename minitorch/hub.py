"""Models from the network: not here. Only ``vision.datasets`` opens a connection.

torch: torch/hub.py
"""

import os

from .absent import absent
from .making import lacking

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

__getattr__ = absent(__name__)

folder: list[str] = []


def get_dir():
    """Where PyTorch keeps what it downloads.   torch: hub.get_dir"""
    if folder:
        return folder[0]
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch"))), "hub")


def set_dir(d):
    """Choose it.   torch: hub.set_dir"""
    folder[:] = [os.path.expanduser(d)]


def only_elsewhere(name, instead):
    return lacking(f"hub.{name}", NotImplementedError, f"torch.hub.{name}: nothing is downloaded here\n{instead}")


FILE = "download the file yourself, and read it with torch.load"
load_state_dict_from_url = only_elsewhere("load_state_dict_from_url", FILE)
download_url_to_file = only_elsewhere("download_url_to_file", FILE)
load, list, help = [only_elsewhere(name, "take the model's code from where it is kept") for name in ("load", "list", "help")]
