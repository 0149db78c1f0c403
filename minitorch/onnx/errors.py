"""What can go wrong in an export.   torch: torch/onnx/errors.py"""

__all__ = ["OnnxExporterError", "OnnxExporterWarning", "UnsupportedOperatorError"]


class OnnxExporterWarning(UserWarning):
    """Something of a model that its export leaves out.   torch: onnx.errors.OnnxExporterWarning"""


class OnnxExporterError(RuntimeError):
    """A model can't be exported; the message names the line and the module.   torch: onnx.OnnxExporterError"""


class UnsupportedOperatorError(OnnxExporterError):
    """A row of the table has no spelling in ONNX.   torch: onnx.errors.UnsupportedOperatorError

    >>> from minitorch.onnx.errors import UnsupportedOperatorError
    >>> print(UnsupportedOperatorError("aten::svd", 18, None))
    Exporting the operator 'aten::svd' to ONNX opset version 18 is not supported
    """

    def __init__(self, name, version, supported_version, explanation=""):
        text = f"Exporting the operator '{name}' to ONNX opset version {version} is not supported"
        if supported_version is not None:
            text += (
                f". Support for this operator was added in version {supported_version}, try exporting with this version"
            )
        super().__init__(f"{text}\n{explanation}" if explanation else text)
