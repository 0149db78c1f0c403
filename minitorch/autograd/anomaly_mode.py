"""Where a NaN in a gradient comes from.

A listener at the gate notes, for each Node as it is made, the lines of the program that made it, and looks at the
gradients when backward passes the Node. Backward itself knows nothing of this.

torch: torch/autograd/anomaly_mode.py
"""

import os
import warnings

from ..graph import AccumulateGrad
from ..modes import MODE

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]

LIBRARY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class _Watch:
    """The listener. ``check_nan``: also stop where a gradient is NaN."""

    def __init__(self, check_nan):
        self.check_nan = check_nan

    def __call__(self, row, inputs, params, output, written):
        import traceback

        node = output._node
        if node is None or isinstance(node, AccumulateGrad) or not hasattr(node, "register_hook"):
            return
        frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(LIBRARY)]
        node.made_at = "".join(traceback.format_list(frames))

        def look(gradients, outputs):
            if self.check_nan and self is _watch():
                for i, g in enumerate(gradients):
                    if g is not None and g.isnan().any():
                        raise RuntimeError(
                            f"Function '{node.name()}' returned nan values in its {i}th output.\n"
                            f"it undoes what was computed here:\n{node.made_at}"
                        )

        node.register_hook(look)


def _watch():
    return next((listener for listener in MODE.listeners if isinstance(listener, _Watch)), None)


def _set(watch):
    others = tuple(listener for listener in MODE.listeners if not isinstance(listener, _Watch))
    MODE.listeners = others if watch is None else (*others, watch)


class set_detect_anomaly:  # noqa: N801
    """Switch the search for NaN on or off, from now on or as a block.   torch: autograd.set_detect_anomaly

    >>> x = tensor(0., requires_grad=True)
    >>> with torch.autograd.set_detect_anomaly(True):
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
      ...
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
    ...
    """

    def __init__(self, mode, check_nan=True):
        self.before = _watch()
        _set(_Watch(check_nan) if mode else None)

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        _set(self.before)


class detect_anomaly(set_detect_anomaly):  # noqa: N801
    """In this block, a gradient that becomes NaN stops backward, and the error shows where forward it came from.

    Slow: for looking, not for training, and it warns of that.   torch: autograd.detect_anomaly
    """

    def __init__(self, check_nan=True):
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.",
            stacklevel=2,
        )
        self.check_nan = check_nan

    def __enter__(self):
        super().__init__(True, self.check_nan)


def is_anomaly_enabled():
    """Whether this thread looks for NaN in gradients.   torch: is_anomaly_enabled"""
    return _watch() is not None


def is_anomaly_check_nan_enabled():
    """Whether a NaN would be an error.   torch: is_anomaly_check_nan_enabled"""
    return _watch() is not None and _watch().check_nan
