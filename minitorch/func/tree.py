"""Nested lists, tuples and dicts of tensors, as one list and back.   torch: utils/_pytree.py"""

__all__ = ["flatten", "like", "rebuild"]


def flatten(tree):
    """All that is in ``tree``, in order."""
    if isinstance(tree, (list, tuple)):
        return [leaf for item in tree for leaf in flatten(item)]
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in flatten(item)]
    return [tree]


def rebuild(tree, leaves):
    """``tree`` with ``leaves`` in the places of its own."""
    left = iter(leaves)

    def again(part):
        if isinstance(part, (list, tuple)):
            items = [again(item) for item in part]
            return type(part)(*items) if hasattr(part, "_fields") else type(part)(items)
        if isinstance(part, dict):
            return {key: again(item) for key, item in part.items()}
        return next(left)

    return again(tree)


def like(tree, prefix):
    """For each leaf of ``tree`` the value that ``prefix`` has for it; None if the two don't fit.

    ``prefix`` is one value for all, or a list, tuple or dict of prefixes for the parts.
    """
    if isinstance(tree, (list, tuple, dict)) and isinstance(prefix, (list, tuple, dict)):
        fits = type(tree) is type(prefix) and len(tree) == len(prefix)
        if not fits or (isinstance(tree, dict) and set(tree) != set(prefix)):
            return None
        keys = tree if isinstance(tree, dict) else range(len(tree))
        parts = [like(tree[key], prefix[key]) for key in keys]
        return None if None in parts else [value for part in parts for value in part]
    if isinstance(prefix, (list, tuple, dict)):
        return None
    return [prefix] * len(flatten(tree))
