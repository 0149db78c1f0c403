"""A model's parameters as one vector, and back.

torch: nn/utils/convert_parameters.py
"""

from ...engine import Tensor
from ...ops.joining import cat
from ...tensortypes import typename

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters):
    """All elements of all parameters, one after the other.   torch: nn.utils.parameters_to_vector

    >>> layer = nn.Linear(2, 1)
    >>> nn.utils.parameters_to_vector(layer.parameters()).shape
    torch.Size([3])
    """
    return cat([parameter.reshape(-1) for parameter in _on_one_device(parameters)])


def vector_to_parameters(vec, parameters) -> None:
    """Make each parameter a view of its part of ``vec``.   torch: nn.utils.vector_to_parameters

    >>> layer = nn.Linear(2, 1)
    >>> nn.utils.vector_to_parameters(tensor([1., 2., 3.]), layer.parameters())
    >>> layer.weight, layer.bias
    (Parameter containing:
    tensor([[1., 2.]], requires_grad=True), Parameter containing:
    tensor([3.], requires_grad=True))
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for parameter in _on_one_device(parameters):
        end = start + parameter.numel()
        parameter.data = vec[start:end].view_as(parameter).data
        start = end


def _on_one_device(parameters):
    parameters = list(parameters)
    if len({parameter.device for parameter in parameters}) > 1:
        raise TypeError("Found two parameters on different devices, this is currently not supported.")
    return parameters
