"""A loss times a large number, so that float16 can hold its small gradients.   torch: torch/amp/grad_scaler.py

    scaler.scale(loss).backward()       gradients are `scale` times too large
    scaler.step(optimizer)              divides them by it; no step if some are inf or nan
    scaler.update()                     halves the scale if so, and doubles it after 2,000 steps without

Whether a step was too large is a tensor. While a run is recorded the step is taken, and what it wrote undone where it was.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable

from ..backends import gpu_count
from ..creation import full
from ..device import as_device
from ..dtypes import float16, float32, int32
from ..engine import Tensor, no_grad
from ..modes import tracer

__all__ = ["GradScaler"]

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


def _refresh_per_optimizer_state():
    """What is known of an optimizer since the last update. Files of whole scalers name it so."""
    return {"stage": READY, "found_inf": {}}


def any_of(numbers):
    """Whether some of several 0-d Tensors aren't 0, as one."""
    return sum(numbers) != 0


class GradScaler:
    """Scales losses, and unscales gradients before the optimizer's step.   torch: amp.GradScaler.   Micikevicius et al. 2018

    device: "cpu" or "cuda"; where there is no GPU, it warns for "cuda" and does nothing at all.
    """

    def __init__(
        self, device="cuda", init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True
    ):
        self._device = as_device(device).type
        self._enabled = enabled
        if enabled and self._device == "cuda" and not gpu_count():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", UserWarning, stacklevel=2
            )
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale, self._scale = init_scale, None
        self._growth_factor, self._backoff_factor, self._growth_interval = growth_factor, backoff_factor, growth_interval
        self._init_growth_tracker, self._growth_tracker = 0, None
        self._per_optimizer_states = defaultdict(_refresh_per_optimizer_state)

    # ---------------------------------------------------------------------------------------------------------- the steps

    def scale(self, outputs):
        """A tensor, or each of several, times the scale."""
        if not self._enabled:
            return outputs
        self._record()
        if self._scale is None:
            self._scale = full((), self._init_scale, dtype=float32, device=self._device)
            self._growth_tracker = full((), self._init_growth_tracker, dtype=int32, device=self._device)
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, Iterable):
            made = [self.scale(item) for item in outputs]
            return type(outputs)(made) if isinstance(outputs, (list, tuple)) else iter(made)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer):
        """Divide the gradients of an optimizer's parameters by the scale, e.g. to clip them before ``step``."""
        if not self._enabled:
            return
        self._check("unscale_")
        self._record()
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] == UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if state["stage"] == STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = self._scale.double().reciprocal().float()
        state["found_inf"] = self._unscale_grads_(optimizer, inverse, False)
        state["stage"] = UNSCALED

    def _unscale_grads_(self, optimizer, inv_scale, allow_fp16):
        """By device, 1.0 if some gradient is inf or nan; all are multiplied by ``inv_scale``."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        found = None
        with no_grad():
            for gradient in [p.grad for p in parameters if p.grad is not None]:
                if gradient.dtype is float16 and not allow_fp16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                wrong = gradient.isfinite().all().logical_not()
                found = wrong if found is None else found.logical_or(wrong)
                gradient.mul_(inv_scale)
        return {} if found is None else {self._device: found.float()}

    def step(self, optimizer, *args, **kwargs):
        """``optimizer.step()`` with unscaled gradients, unless some are inf or nan."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check("step")
        self._record()
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] == STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state["stage"] == READY:
            self.unscale_(optimizer)
        if not state["found_inf"]:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = self._step(optimizer, any_of(state["found_inf"].values()), args, kwargs)
        state["stage"] = STEPPED
        return result

    def _step(self, optimizer, overflowed, args, kwargs):
        """A step, unless a truth holds."""
        if (recording := tracer()) is None:
            return None if overflowed.item() else optimizer.step(*args, **kwargs)
        states = {p: dict(state) for p, state in optimizer.state.items()}
        tensors = [x for state in states.values() for x in state.values() if isinstance(x, Tensor)]
        with recording.unless(overflowed, [*[p for group in optimizer.param_groups for p in group["params"]], *tensors]):
            result = optimizer.step(*args, **kwargs)
        if overflowed._array and any([states.get(p, {}).keys() != state.keys() for p, state in optimizer.state.items()]):
            recording.interrupt("the first step of an optimizer overflows")
            optimizer.state.clear()
            optimizer.state.update(states)
        return result

    def update(self, new_scale=None):
        """The scale for the next iteration; or set it to ``new_scale``, a number or a tensor of one."""
        if not self._enabled:
            return
        self._check("update")
        self._record(ends=True)
        if new_scale is not None:
            self._scale.fill_(new_scale if isinstance(new_scale, float) else new_scale.item())
        else:
            found = [f for state in self._per_optimizer_states.values() for f in state["found_inf"].values()]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._adapt(any_of(found))
        self._per_optimizer_states = defaultdict(_refresh_per_optimizer_state)

    def _adapt(self, overflowed):
        """The scale gets smaller after an overflow, and larger after so many steps without one, unless that were infinite."""
        count, grown = self._growth_tracker + 1, self._scale * self._growth_factor
        long = count == self._growth_interval
        larger = grown.where(long.logical_and(grown.isfinite()), self._scale)
        self._scale.copy_((self._scale * self._backoff_factor).where(overflowed, larger))
        self._growth_tracker.copy_(count.masked_fill(overflowed.logical_or(long), 0))

    def _record(self, ends=False):
        """Tell who records this run. What happens between ``scale`` and ``update`` is to be in one program."""
        if (recording := tracer()) is not None:
            recording.span(self, fresh=not self._per_optimizer_states, ends=ends)

    def _check(self, name):
        if self._scale is None:
            raise AssertionError(
                f"Attempted {name} but _scale is None.  This may indicate your script did not use scaler.scale(loss or outputs) earlier "
                "in the iteration."
            )

    # -------------------------------------------------------------------------------------------------------- its settings

    def is_enabled(self):
        """Whether it does anything."""
        return self._enabled

    def get_scale(self):
        """The scale, as a number."""
        return 1.0 if not self._enabled else self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self):
        """What the scale is multiplied by after enough good steps."""
        return self._growth_factor

    def set_growth_factor(self, new_factor):
        """Choose it."""
        self._growth_factor = new_factor

    def get_backoff_factor(self):
        """What the scale is multiplied by after a bad step."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor):
        """Choose it."""
        self._backoff_factor = new_factor

    def get_growth_interval(self):
        """How many good steps are enough."""
        return self._growth_interval

    def set_growth_interval(self, new_interval):
        """Choose it."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self):
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else self._growth_tracker.item()

    def state_dict(self):
        """Its settings and the scale; empty if it does nothing."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(), "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval, "_growth_tracker": self._get_growth_tracker(),
        }  # fmt: skip

    def load_state_dict(self, state_dict):
        """Take back what ``state_dict`` returned."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale, self._init_growth_tracker = state_dict["scale"], state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        if self._scale is not None:
            self._scale.fill_(self._init_scale)
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(self._init_growth_tracker)
