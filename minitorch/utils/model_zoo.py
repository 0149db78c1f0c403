"""The oldest path to ``hub.load_state_dict_from_url``.   torch: torch/utils/model_zoo.py"""

from ..absent import absent
from ..hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]

__getattr__ = absent(__name__)
