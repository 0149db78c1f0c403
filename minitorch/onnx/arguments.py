"""The arguments of an export: names for the tensors among them, and which of their dims are dynamic."""

import inspect

from .errors import OnnxExporterError
from .tracing import tensors_in

__all__ = ["by_name", "dynamic_dims", "names_of", "result_names"]


def by_name(model, args, kwargs):
    """The arguments under the names that forward has for them, in the order in which they are given."""
    names = list(inspect.signature(model.forward if hasattr(model, "forward") else model).parameters.values())
    found = {}
    for i, value in enumerate(args):
        plain = i < len(names) and names[i].kind not in (names[i].VAR_POSITIONAL, names[i].VAR_KEYWORD)
        found[names[i].name if plain else f"args_{i}"] = value
    return {**found, **kwargs}


def names_of(named, given):
    """A name for each tensor among the arguments."""
    found = []
    for name, value in named.items():
        parts = tensors_in(value)
        found += [name] if hasattr(value, "_array") else [f"{name}_{i}" for i in range(len(parts))]
    given = list(given or ())
    if len(given) > len(found):
        raise ValueError(
            f"input_names has {len(given)} names, and there are {len(found)} inputs\nthe tensors in args and kwargs"
        )
    return [*given, *found[len(given) :]]


def result_names(results, given):
    """A name for each output."""
    if not results:
        raise OnnxExporterError("the model returned no tensor\nits outputs are tensors, in lists, tuples or dicts")
    found = ["output"] if len(results) == 1 else [f"output_{i}" for i in range(len(results))]
    given = list(given or ())
    if len(given) > len(found):
        raise ValueError(
            f"output_names has {len(given)} names, and there are {len(found)} outputs\none for each tensor returned"
        )
    return [*given, *found[len(given) :]]


# ------------------------------------------------------------------------------------------------------- dynamic dims


def dynamic_dims(named, inputs, dynamic_shapes, dynamic_axes):
    """For each input {dim: name of its axis}."""
    if dynamic_shapes is not None:
        if isinstance(dynamic_shapes, dict):
            unknown = [name for name in dynamic_shapes if name not in named]
            if unknown:
                raise ValueError(
                    f"dynamic_shapes names {unknown[0]!r}, which is no argument\nthese are: {', '.join(named)}"
                )
            specs = [dynamic_shapes.get(name) for name in named]
        else:
            specs = [*dynamic_shapes, *[None] * len(named)]
        of_each = [spec for value, spec in zip(named.values(), specs) for spec in specs_of(value, spec)]
    else:
        of_each = [(dynamic_axes or {}).get(name) for name in inputs]
    found = []
    for name, spec, x in zip(inputs, of_each, tensors_in(list(named.values())), strict=True):
        entries = axes_in(spec)
        found.append(
            {d % x.ndim: axis or f"{name}_dynamic_axes_{k + 1}" for k, (d, axis) in enumerate(entries) if d < x.ndim}
        )
    return found


def specs_of(value, spec):
    """The part of a specification for each tensor of an argument."""
    if hasattr(value, "_array"):
        return [spec]
    if isinstance(value, dict):
        return [one for key, part in value.items() for one in specs_of(part, None if spec is None else spec.get(key))]
    if isinstance(value, (list, tuple)):
        parts = spec if spec is not None else [None] * len(value)
        return [one for part, of_part in zip(value, parts) for one in specs_of(part, of_part)]
    return []


def axes_in(spec):
    """(dim, name) …, of {dim: name}, of a list of dims, or of a name for each dim. A name is a string or has one."""
    if spec is None:
        return []
    if not isinstance(spec, dict):
        numbers = spec and all([isinstance(d, int) for d in spec])
        spec = dict.fromkeys(spec, "") if numbers else dict(enumerate(spec))
    found = []
    for d, axis in spec.items():
        name = axis if isinstance(axis, str) else getattr(axis, "__name__", getattr(axis, "name", None))
        if name is not None and name != "STATIC":
            found.append((d, "" if name in ("AUTO", "DYNAMIC") else name))
    return found
