"""Weights set to zero for good: ``weight`` becomes ``weight_orig`` · ``weight_mask``, before each forward anew.

    prune.l1_unstructured(layer, "weight", amount=0.3)      the three tenths with the smallest |w|
    prune.ln_structured(layer, "weight", 2, n=2, dim=0)     the two rows with the smallest norm
    prune.remove(layer, "weight")                           weight, with its zeros, is a plain parameter again

A method says which entries to keep (``compute_mask``); ``PruningContainer`` applies one after the other, each to what
those before it left.   torch: nn/utils/prune.py
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from numbers import Integral, Real

from ...absent import absent
from ...random import rand, rand_like
from .convert_parameters import parameters_to_vector

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip

__getattr__ = absent(__name__)


# --------------------------------------------------------------------------------------------------------------- the hook


class BasePruningMethod(ABC):
    """A hook before forward that multiplies a parameter by its mask: write ``compute_mask`` and PRUNING_TYPE.

    PRUNING_TYPE: "unstructured", single entries; "structured", slices of dim ``self.dim``; "global", all of it.
    torch: nn.utils.prune.BasePruningMethod
    """

    _tensor_name: str
    PRUNING_TYPE: str

    def __call__(self, module, inputs):
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t, default_mask):
        """The mask to multiply by: 0 where ``t`` is to be pruned, and where ``default_mask`` is 0 already."""

    def apply_mask(self, module):
        """The parameter times its mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        original = getattr(module, self._tensor_name + "_orig")
        return getattr(module, self._tensor_name + "_mask").to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module, name, *args, importance_scores=None, **kwargs):
        """Prune ``module.name`` by ``cls(*args, **kwargs)``, after what it was pruned by before; return the hook.

        importance_scores: what the mask is computed from, in place of the parameter itself.
        """
        method = _joined(module, name, cls(*args, **kwargs))
        parameter = getattr(module, name)
        scores = parameter if importance_scores is None else importance_scores
        if scores.shape != parameter.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter "
                f"{name} of {module}, got {scores.shape} vs {parameter.shape}"
            )
        first = not isinstance(method, PruningContainer)
        if first:
            module.register_parameter(name + "_orig", parameter)
            del module._parameters[name]
            mask = parameter.ones_like()
        else:
            mask = getattr(module, name + "_mask").detach().clone()
        try:
            module.register_buffer(name + "_mask", method.compute_mask(scores, default_mask=mask))
            setattr(module, name, method.apply_mask(module))
            module.register_forward_pre_hook(method)
        except Exception:
            if first:
                module.register_parameter(name, getattr(module, name + "_orig"))
                del module._parameters[name + "_orig"]
            raise
        return method

    def prune(self, t, default_mask=None, importance_scores=None):
        """``t`` times the mask that is computed for it."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as tensor t, got {scores.shape} vs {t.shape}"
            )
        return t * self.compute_mask(scores, default_mask=t.ones_like() if default_mask is None else default_mask)

    def remove(self, module):
        """Make the parameter times its mask a plain parameter again."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(name + "_orig")
        del module._buffers[name + "_mask"]
        original.data = weight.data
        setattr(module, name, original)


def _joined(module, name, method):
    """``method``, or what ``name`` was pruned by before and then ``method``; the earlier hook is taken out."""
    method._tensor_name = name
    hooks = {k: h for k, h in module._forward_pre_hooks.items() if _prunes(h, name)}
    if len(hooks) > 1:
        raise AssertionError(
            f"Avoid adding multiple pruning hooks to the "
            f"same tensor {name} of module {module}. Use a PruningContainer."
        )
    for number, earlier in hooks.items():
        del module._forward_pre_hooks[number]
        container = earlier if isinstance(earlier, PruningContainer) else PruningContainer(earlier)
        container.add_pruning_method(method)
        return container
    return method


def _prunes(hook, name):
    return isinstance(hook, BasePruningMethod) and hook._tensor_name == name


class PruningContainer(BasePruningMethod):
    """Several methods, each applied to what the earlier ones left.   torch: nn.utils.prune.PruningContainer"""

    def __init__(self, *args):
        self._pruning_methods: tuple = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method):
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self):
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, idx):
        return self._pruning_methods[idx]

    def compute_mask(self, t, default_mask):
        """The latest method's mask on the entries or slices that are not pruned yet, the earlier mask elsewhere."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        if mask is default_mask:
            mask = mask.clone()
        left = _left(method, default_mask)
        mask[left] = method.compute_mask(t[left], default_mask=default_mask[left]).to(dtype=mask.dtype)
        return mask


def _left(method, mask):
    """The index of what ``mask`` leaves for ``method``."""
    n = mask.dim()
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return (slice(None),) * n
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError('Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.')
    dim = method.dim + n if method.dim < 0 else method.dim
    if dim < 0:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {n}")
    alive = mask.sum(dim=[d for d in range(n) if d != dim]) != 0
    return _slices(n, dim, alive)


def _slices(n, dim, index):
    found = [slice(None)] * n
    found[dim] = index
    return tuple(found)


# ------------------------------------------------------------------------------------------------------------- the methods


class Identity(BasePruningMethod):
    """Prunes nothing, but makes the mask.   torch: nn.utils.prune.Identity"""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        return default_mask

    @classmethod
    def apply(cls, module, name):
        return super().apply(module, name)


class RandomUnstructured(BasePruningMethod):
    """Random entries.   torch: nn.utils.prune.RandomUnstructured"""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount):
        self.amount = _checked(amount)

    def compute_mask(self, t, default_mask):
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[rand_like(t).view(-1).topk(count).indices] = 0
        return mask

    @classmethod
    def apply(cls, module, name, amount):
        return super().apply(module, name, amount=amount)


class L1Unstructured(BasePruningMethod):
    """The entries with the smallest absolute value.   torch: nn.utils.prune.L1Unstructured"""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount):
        self.amount = _checked(amount)

    def compute_mask(self, t, default_mask):
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[t.abs().view(-1).topk(count, largest=False).indices] = 0
        return mask

    @classmethod
    def apply(cls, module, name, amount, importance_scores=None):
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class RandomStructured(BasePruningMethod):
    """Random slices of one dim.   torch: nn.utils.prune.RandomStructured"""

    PRUNING_TYPE = "structured"

    def __init__(self, amount, dim=-1):
        self.amount, self.dim = _checked(amount), dim

    def compute_mask(self, t, default_mask):
        count = _slice_count(self.amount, t, self.dim)
        if not count:
            return default_mask
        draws = rand(t.shape[self.dim], device=t.device)
        return _of_slices(t, self.dim, draws > draws.kthvalue(count).values, default_mask)

    @classmethod
    def apply(cls, module, name, amount, dim=-1):
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(BasePruningMethod):
    """The slices of one dim with the smallest norm of order n.   torch: nn.utils.prune.LnStructured"""

    PRUNING_TYPE = "structured"

    def __init__(self, amount, n, dim=-1):
        self.amount, self.n, self.dim = _checked(amount), n, dim

    def compute_mask(self, t, default_mask):
        count = _slice_count(self.amount, t, self.dim)
        if not count:
            return default_mask
        dim = self.dim % t.dim()
        norm = t.norm(self.n, [d for d in range(t.dim()) if d != dim])
        return _of_slices(t, self.dim, norm.topk(t.shape[self.dim] - count).indices, default_mask)

    @classmethod
    def apply(cls, module, name, amount, n, dim, importance_scores=None):
        return super().apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)


class CustomFromMask(BasePruningMethod):
    """What a given mask says.   torch: nn.utils.prune.CustomFromMask"""

    PRUNING_TYPE = "global"

    def __init__(self, mask):
        self.mask = mask

    def compute_mask(self, t, default_mask):
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module, name, mask):
        return super().apply(module, name, mask=mask)


def _of_slices(t, dim, kept, default_mask):
    mask = t.zeros_like()
    mask[_slices(t.dim(), dim, kept)] = 1
    return mask.mul_(default_mask.to(dtype=mask.dtype))


def _checked(amount):
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (not isinstance(amount, Integral) and amount > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
        )
    return amount


def _count(amount, size):
    """How many of ``size`` to prune: ``amount`` itself or that share."""
    count = amount if isinstance(amount, Integral) else round(amount * size)
    if count > size:
        raise ValueError(f"amount={count} should be smaller than the number of parameters to prune={size}")
    return count


def _slice_count(amount, t, dim):
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to "
            f"multidimensional tensors. Found tensor of shape {t.shape} with {t.dim()} dims"
        )
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return _count(amount, t.shape[dim])


# ----------------------------------------------------------------------------------------------------------- as functions


def identity(module, name):
    """``Identity`` on ``module.name``.   torch: nn.utils.prune.identity"""
    Identity.apply(module, name)
    return module


def random_unstructured(module, name, amount):
    """``RandomUnstructured`` on ``module.name``.   torch: nn.utils.prune.random_unstructured"""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module, name, amount, importance_scores=None):
    """``L1Unstructured`` on ``module.name``.   torch: nn.utils.prune.l1_unstructured

    >>> from minitorch.nn.utils import prune
    >>> layer = nn.Linear(4, 1, bias=False)
    >>> _ = layer.weight.data.copy_(tensor([[1., -3., 2., -4.]]))
    >>> prune.l1_unstructured(layer, "weight", amount=0.5).weight
    tensor([[ 0., -3.,  0., -4.]], grad_fn=<MulBackward0>)
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module, name, amount, dim):
    """``RandomStructured`` on ``module.name``.   torch: nn.utils.prune.random_structured"""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    """``LnStructured`` on ``module.name``.   torch: nn.utils.prune.ln_structured"""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module, name, mask):
    """``CustomFromMask`` on ``module.name``.   torch: nn.utils.prune.custom_from_mask"""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs):
    """One unstructured method over many parameters, pairs of module and name, as if they were one vector.

    torch: nn.utils.prune.global_unstructured
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    if importance_scores is not None and not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    parameters, scores = list(parameters), importance_scores or {}
    own = [getattr(module, name) for module, name in parameters]
    masks = [getattr(module, name + "_mask", x.ones_like()) for (module, name), x in zip(parameters, own, strict=True)]

    container, method = PruningContainer(), pruning_method(**kwargs)
    container._tensor_name = method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for '
            f"the `pruning_method`. Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    vector = parameters_to_vector([scores.get(key, x) for key, x in zip(parameters, own, strict=True)])
    mask = container.compute_mask(vector, parameters_to_vector(masks))
    for (module, name), part, x in zip(parameters, mask.split([x.numel() for x in own]), own, strict=True):
        custom_from_mask(module, name, mask=part.view_as(x))


def remove(module, name):
    """Make ``module.name``, with its zeros, a plain parameter again.   torch: nn.utils.prune.remove"""
    for number, hook in module._forward_pre_hooks.items():
        if _prunes(hook, name):
            hook.remove(module)
            del module._forward_pre_hooks[number]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module):
    """Whether any parameter of ``module`` and all below is pruned.   torch: nn.utils.prune.is_pruned"""
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())
