"""Models as ONNX files, which other runtimes can run.   torch: torch/onnx

    program = torch.onnx.export(model, (example,), dynamic_shapes=({0: "batch"},))
    program.save("model.onnx")

The model runs on the example while a listener at the gate writes down the rows (``tracing.py``); each row is said in
ONNX's operators by a table (``spelling/``), and views and writes become values (``exporter.py``). With dynamic axes it runs
several times, and what differs between the runs is an expression of the sizes (``sizes.py``). Needs the package ``onnx``.
"""

import enum

from . import errors
from .arguments import by_name, dynamic_dims, names_of, result_names
from .errors import OnnxExporterError
from .exporter import said, to_proto
from .program import ONNXProgram
from .running import EXPORT, TrainingMode, runs
from .sizes import merged
from .tracing import tensors_in

__all__ = [
    "ONNXProgram", "OnnxExporterError", "OperatorExportTypes", "TrainingMode", "errors", "export", "is_in_onnx_export",
]  # fmt: skip

OPSET = 18
"""The oldest set of operators that the spellings are for, and the one that is used unless another is asked for."""


class OperatorExportTypes(enum.Enum):
    """Only ONNX's own operators are used.   torch: onnx.OperatorExportTypes"""

    ONNX, ONNX_ATEN, ONNX_ATEN_FALLBACK, ONNX_FALLTHROUGH = range(4)


def is_in_onnx_export():
    """Whether the model is run in order to be exported.   torch: onnx.is_in_onnx_export

    >>> torch.onnx.is_in_onnx_export()
    False
    """
    return EXPORT.running


def export(
    model, args=(), f=None, *, kwargs=None, verbose=None, input_names=None, output_names=None, opset_version=None, dynamo=True,
    external_data=True, dynamic_shapes=None, custom_translation_table=None, report=False, optimize=True, verify=False,
    profile=False, dump_exported_program=False, artifacts_dir=".", export_params=True, keep_initializers_as_inputs=False,
    dynamic_axes=None, training=TrainingMode.EVAL, operator_export_type=OperatorExportTypes.ONNX, do_constant_folding=True,
    custom_opsets=None, export_modules_as_functions=False, autograd_inlining=True,
):  # fmt: skip
    """``model``, a Module or a function, as an ONNX model: an ``ONNXProgram``, written to ``f`` if that is given.

    args, kwargs: an example; tensors in it are the inputs, anything else is fixed. It runs in ``eval`` mode (``training``).
    input_names, output_names: in order; else the names of forward's parameters, and "output" or "output_0" ….
    dynamic_shapes: for each argument {dim: name}, by its name or its place; or dynamic_axes: {input name: {dim: name}}.
    Such a dim may have any size later, the same for all dims of one name. verify: compare with onnxruntime's outputs.
    external_data: weights go into a file beside ``f`` (not with ``dynamo=False``, with which None is returned).
    verbose: print what was made. optimize, do_constant_folding, artifacts_dir, autograd_inlining change nothing here.

    Raises OnnxExporterError, with the line and the module, where the model can't be said in ONNX: an operation without a
    spelling; Python that reads a tensor's elements; a computation that changes with a dynamic size.   torch: onnx.export

    >>> program = torch.onnx.export(nn.Linear(2, 3), (torch.ones(4, 2),), dynamic_shapes=({0: "batch"},))
    >>> program
    ONNXProgram((input) -> (output), 1 nodes, 2 constants)
    """
    refuse(custom_translation_table=custom_translation_table, report=report, profile=profile,
           dump_exported_program=dump_exported_program, custom_opsets=custom_opsets,
           export_modules_as_functions=export_modules_as_functions,
           operator_export_type=operator_export_type not in (OperatorExportTypes.ONNX, 0))  # fmt: skip
    opset = checked_opset(opset_version)
    args, kwargs = args if isinstance(args, tuple) else (args,), dict(kwargs or {})
    named = by_name(model, args, kwargs)
    inputs = names_of(named, input_names)
    dims = dynamic_dims(named, inputs, dynamic_shapes, dynamic_axes)
    traces, axes = runs(model, args, kwargs, dims, training)
    outputs = result_names(tensors_in(traces[0].result), output_names)
    places = {axis: (inputs[i], d) for i, of_input in enumerate(dims) for d, axis in of_input.items()}
    told = said(merged(traces, axes), inputs, outputs, places, opset)
    program = ONNXProgram(to_proto(*told, opset, type(model).__name__))
    if verify:
        compare(program, traces[0])
    if verbose:
        print(program)
    if f is not None:
        program.save(
            f, include_initializers=export_params, keep_initializers_as_inputs=keep_initializers_as_inputs,
            external_data=bool(dynamo and external_data and not hasattr(f, "write")) or None,
        )  # fmt: skip
    return program if dynamo else None


def refuse(**options):
    """Raise NotImplementedError for an option that was given and isn't here."""
    given = [name for name, value in options.items() if value]
    if given:
        raise NotImplementedError(f"torch.onnx.export: {', '.join(given)} isn't here\nleave it out")


def checked_opset(opset_version):
    """The version of ONNX's operators. Raises ValueError for one that is too old."""
    if opset_version is not None and opset_version < OPSET:
        raise ValueError(
            f"Unsupported ONNX opset version: {opset_version}\nthe spellings are for version {OPSET} and later"
        )
    return opset_version or OPSET


def compare(program, trace):
    """Raise OnnxExporterError if onnxruntime doesn't come to what the model did."""
    expected = tensors_in(trace.result)
    actual = program(*trace.examples)
    for value, x, y in zip(program.model_proto.graph.output, expected, actual, strict=True):
        distance = (x.double() - y.double()).abs()
        if not bool((distance <= 1e-4 + 1e-3 * x.double().abs()).all()):
            raise OnnxExporterError(
                f"onnxruntime's {value.name} is {distance.max().item():.3g} from the model's\nplease report the model"
            )
