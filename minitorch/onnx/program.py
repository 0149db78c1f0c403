"""An exported model: to be saved, and to be run by onnxruntime.   torch: torch/onnx/_internal/exporter/_onnx_program.py"""

import os

from ..creation import from_numpy
from .tracing import tensors_in

__all__ = ["ONNXProgram"]

LARGEST = 1 << 31
"""A file of ONNX's holds at most 2 GB; larger weights go into a file of their own."""


class ONNXProgram:
    """What ``onnx.export`` returns.   torch: onnx.ONNXProgram

    model_proto: the model, as the onnx package's ModelProto. Called like the model it runs in onnxruntime.
    """

    def __init__(self, model_proto):
        self.model_proto, self.session = model_proto, None

    def __repr__(self):
        graph = self.model_proto.graph
        inputs, outputs = [", ".join([value.name for value in values]) for values in (graph.input, graph.output)]
        return f"ONNXProgram(({inputs}) -> ({outputs}), {len(graph.node)} nodes, {len(graph.initializer)} constants)"

    def save(self, destination, *, include_initializers=True, keep_initializers_as_inputs=False, external_data=None):
        """Write the model to a file, given by its path or open for bytes.   torch: ONNXProgram.save

        include_initializers: the weights too. keep_initializers_as_inputs: they are inputs that have a default.
        external_data: the weights go into a file beside it, ``destination`` with ".data" behind; they do above 2 GB.
        """
        import onnx

        model = self.arranged(include_initializers, keep_initializers_as_inputs)
        path = None if hasattr(destination, "write") else os.fspath(destination)
        beside = model.ByteSize() >= LARGEST if external_data is None else external_data
        if path is None:
            if beside:
                raise TypeError("external_data needs a path\ngive the name of a file, beside which the weights can lie")
            destination.write(model.SerializeToString())
            return
        if not beside:
            onnx.save_model(model, path)
            return
        location = os.path.basename(path) + ".data"
        if os.path.exists(path + ".data"):  # it would be appended to
            os.remove(path + ".data")
        copy = type(model)()
        copy.CopyFrom(model)
        onnx.save_model(copy, path, save_as_external_data=True, location=location, size_threshold=1024)

    def arranged(self, include_initializers, as_inputs):
        """The model, its weights left out or made inputs."""
        import onnx

        if include_initializers and not as_inputs:
            return self.model_proto
        model = type(self.model_proto)()
        model.CopyFrom(self.model_proto)
        if as_inputs:
            for weight in model.graph.initializer:
                model.graph.input.append(
                    onnx.helper.make_tensor_value_info(weight.name, weight.data_type, list(weight.dims))
                )
        if not include_initializers:
            del model.graph.initializer[:]
        return model

    def initialize_inference_session(self, initializer=None):
        """Make the onnxruntime session that calls go to.   torch: ONNXProgram.initialize_inference_session"""
        import onnxruntime

        make = initializer or (lambda model: onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]))
        self.session = make(self.model_proto.SerializeToString())

    def release(self):
        """Let go of the session.   torch: ONNXProgram.release"""
        self.session = None

    def __call__(self, *args, **kwargs):
        """The outputs, as a tuple of tensors, that onnxruntime computes of tensors given like those of the export."""
        if self.session is None:
            self.initialize_inference_session()
        names = [value.name for value in self.session.get_inputs()]
        given = [x.detach().numpy() for x in tensors_in((args, kwargs))]
        return tuple([from_numpy(array) for array in self.session.run(None, dict(zip(names, given, strict=True)))])
