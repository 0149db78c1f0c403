"""What an optimizer remembers: dicts that count their changes.

A compiled step has the tensors of the state built in. Whether somebody put others in their place (``optimizer.state.clear()``,
``optimizer.state[p]["step"] = …``) it sees by one number. Copied or stored they are plain dicts, as PyTorch's are.

torch: Optimizer.state, a defaultdict(dict)
"""

from collections import defaultdict

__all__ = ["Memory", "Remembered"]


class Counting:
    """The changes of a dict, counted in ``changes``, a list of one number that all dicts of an optimizer share."""

    def __setitem__(self, key, value):
        if self.get(key, self) is not value:
            self.changes[0] += 1
        super().__setitem__(key, value)

    def __delitem__(self, key):
        self.changes[0] += 1
        super().__delitem__(key)

    def __ior__(self, other):
        self.update(other)
        return self

    def clear(self):
        """Forget everything."""
        self.changes[0] += 1
        super().clear()

    def pop(self, *args):
        """dict's."""
        self.changes[0] += 1
        return super().pop(*args)

    def popitem(self):
        """dict's."""
        self.changes[0] += 1
        return super().popitem()

    def setdefault(self, key, default=None):
        """dict's."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args, **kwargs):
        """dict's."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value


class Remembered(Counting, dict):
    """What is remembered of one parameter."""

    def __init__(self, content, changes):
        super().__init__(content)
        self.changes = changes

    def __reduce__(self):
        return dict, (), None, None, iter(self.items())


class Memory(Counting, defaultdict):
    """What is remembered of each parameter, and of whatever else an algorithm uses as key.

    >>> state = Memory()
    >>> state["p"]["step"] = 1
    >>> state, state.changes
    (defaultdict(<class 'dict'>, {'p': {'step': 1}}), [2])
    """

    def __init__(self, content=()):
        self.changes = [0]
        super().__init__(dict)
        self.update(content)

    def __missing__(self, key):
        self[key] = {}
        return self[key]

    def __setitem__(self, key, value):
        if value.__class__ is dict or (value.__class__ is Remembered and value.changes is not self.changes):
            value = Remembered(value, self.changes)
        super().__setitem__(key, value)

    def __reduce__(self):
        return defaultdict, (dict,), None, None, iter(self.items())

    def __repr__(self):
        return f"defaultdict({dict}, {dict(self)})"
