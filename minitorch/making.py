"""Functions that functions make: with a name and a docstring, as if they had been written out."""

__all__ = ["lacking", "named"]


def named(function, name, doc):
    """The function, by that name and with that docstring."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def lacking(path, kind, text):
    """The function that PyTorch has at ``path``, such as "hub.load", and that isn't here: it raises ``kind(text)``."""

    def function(*args, **kwargs):
        raise kind(text)

    function.lacks = text if kind is NotImplementedError else None  # for ``minitorch check``; any other refusal is PyTorch's own
    return named(function, path.rpartition(".")[2], f"Not here: raises {kind.__name__}.   torch: {path}")
