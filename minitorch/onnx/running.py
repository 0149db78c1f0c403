"""The runs of a model that is exported: on the example, and on the example at other sizes of its dynamic axes."""

import enum

from ..func.tree import flatten, rebuild
from .errors import OnnxExporterError
from .sizes import sizes_to_try
from .tracing import Trace, tensors_in

__all__ = ["EXPORT", "TrainingMode", "runs"]


class TrainingMode(enum.Enum):
    """In which mode the model is exported.   torch: onnx.TrainingMode"""

    EVAL, PRESERVE, TRAINING = range(3)


class Export:
    """Whether one is going on."""

    running = False


EXPORT = Export()


def runs(model, args, kwargs, dims, training):
    """A trace for each choice of sizes, and the axes, name → size in each run."""
    tensors, sizes = tensors_in((args, kwargs)), {}
    for x, of_input in zip(tensors, dims, strict=True):
        for d, axis in of_input.items():
            if sizes.setdefault(axis, x.shape[d]) != x.shape[d]:
                raise ValueError(
                    f"the dynamic axis {axis!r} has {sizes[axis]} elements in one input and {x.shape[d]} in another\n"
                    "dims that may differ need names that differ"
                )
    axes = sizes_to_try(sizes)
    modules = list(model.modules()) if hasattr(model, "modules") else []
    modes, EXPORT.running = [m.training for m in modules], True
    try:
        for m in modules:
            m.training = m.training if training is TrainingMode.PRESERVE else training is TrainingMode.TRAINING
        count = 1 + 2 * len(axes) + bool(axes)
        traces = [run(model, args, kwargs, dims, axes, r, r > len(axes) + 1) for r in range(count)]
    finally:
        EXPORT.running = False
        for m, mode in zip(modules, modes, strict=True):
            m.training = mode
    done = [r for r, trace in enumerate(traces) if trace is not None]
    return [traces[r] for r in done], {axis: [found[r] for r in done] for axis, found in axes.items()}


def run(model, args, kwargs, dims, axes, r, may_fail):
    """The trace of the r-th run; None if it ``may_fail`` and does."""
    left = iter(dims)

    def leaf(x):
        if not hasattr(x, "_array"):
            return x
        x = x.detach().clone()
        for d, axis in next(left).items():
            n, wanted = x.shape[d], axes[axis][r]
            x = x if n == wanted else x.index_select(d, x._arange(wanted) % n).contiguous()
        return x

    args, kwargs = rebuild((args, kwargs), [leaf(x) for x in flatten((args, kwargs))])
    try:
        return Trace(model, args, kwargs)
    except OnnxExporterError:
        raise
    except Exception as error:
        if may_fail:
            return None
        if not r:
            raise
        sizes = ", ".join([f"{axis} = {found[r]}" for axis, found in axes.items()])
        raise OnnxExporterError(
            f"the model does not run with other sizes of its dynamic axes ({sizes})\n{error}"
        ) from error
