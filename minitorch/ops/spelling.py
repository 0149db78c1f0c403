"""NumPy's names of arguments: PyTorch's functions take ``axis`` for dim, and ``keepdims`` for keepdim.

A function that is called often takes them as ``**numpy``, which costs nothing where there are none, and calls itself
again with what ``spelled`` returns. Others are marked ``@numpy_names``.
"""

from functools import wraps

__all__ = ["numpy_names", "spelled"]


def spelled(function, numpy, **given):
    """Arguments by our names, of which some were given by NumPy's: ``axis`` is dim, ``keepdims`` keepdim.

    Raises TypeError for any other name.
    """
    for name, value in numpy.items():
        if name not in ("axis", "keepdims"):
            raise TypeError(f"{function}() got an unexpected keyword argument '{name}'")
        given["dim" if name == "axis" else "keepdim"] = value
    return given


def numpy_names(function):
    """``function``, which takes these names too."""

    @wraps(function)
    def either_spelling(*args, **kwargs):
        for numpy, ours in (("axis", "dim"), ("keepdims", "keepdim")) if kwargs else ():
            if numpy in kwargs and ours not in kwargs:
                kwargs[ours] = kwargs.pop(numpy)
        return function(*args, **kwargs)

    return either_spelling
