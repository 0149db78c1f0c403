"""Nested lists, tuples and dicts of tensors, taken apart and put together.   torch: torch/utils/_pytree.py"""

from ..absent import absent
from ..func.tree import flatten, rebuild

__all__ = ["TreeSpec", "tree_flatten", "tree_leaves", "tree_map", "tree_map_only", "tree_unflatten"]

__getattr__ = absent(__name__)


class TreeSpec:
    """What a tree is like without its leaves."""

    def __init__(self, tree):
        self.shape = rebuild(tree, [None] * len(flatten(tree)))

    def unflatten(self, leaves):
        return rebuild(self.shape, leaves)


def tree_leaves(tree):
    """All that is in ``tree``, in order."""
    return flatten(tree)


def tree_flatten(tree):
    """(the leaves, what puts them together again).

    >>> from minitorch.utils._pytree import tree_flatten, tree_unflatten
    >>> leaves, spec = tree_flatten({"a": 1, "b": [2, (3,)]})
    >>> leaves, tree_unflatten([10, 20, 30], spec)
    ([1, 2, 3], {'a': 10, 'b': [20, (30,)]})
    """
    return flatten(tree), TreeSpec(tree)


def tree_unflatten(leaves, treespec):
    """The tree with these leaves."""
    return treespec.unflatten(leaves)


def tree_map(func, tree, *rests):
    """The tree of what ``func`` makes of each leaf, and of those of trees of the same shape."""
    return rebuild(tree, list(map(func, *map(flatten, (tree, *rests)))))


def tree_map_only(kind, func, tree):
    """The same for the leaves of a type; others stay."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree)
