"""Provisional, until the real one lands."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return None
