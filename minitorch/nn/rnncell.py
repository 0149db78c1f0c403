"""One step of a recurrent layer.   torch: nn/modules/rnn.py"""

import math

from ..creation import empty, zeros
from ..modes import MODE
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .recurrence import sequence

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """The parameters of a step: weight_ih (G·H, input), weight_hh (G·H, H), bias_ih and bias_hh (G·H).

    torch: nn.RNNCellBase
    """

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        size = num_chunks * hidden_size
        shapes = {"weight_ih": (size, input_size), "weight_hh": (size, hidden_size), "bias_ih": (size,), "bias_hh": (size,)}
        for name, shape in shapes.items():
            wanted = bias or name.startswith("weight")
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _step(self, mode, input, states):
        """The new states. input: (N, input_size); states, zeros if None: (N, hidden_size) each."""
        n, features = input.shape
        if features != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {features} expected {self.input_size}")
        for k, state in enumerate(states):
            if state.shape[0] != n:
                raise RuntimeError(f"Input batch size {n} doesn't match hidden{k} batch size {state.shape[0]}")
            if state.shape[1:] != (self.hidden_size,):
                raise RuntimeError(
                    f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected {self.hidden_size}"
                )
        if MODE.autocast is None and any([x.dtype is not self.weight_ih.dtype for x in (input, *states)]):
            wrong = next(x for x in (input, *states) if x.dtype is not self.weight_ih.dtype)
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {wrong._type_name()} and {self.weight_ih._type_name()}\n"
                "input and states have the weights' dtype"
            )
        b_ih, b_hh = self.bias_ih, self.bias_hh
        if mode == "GRU":
            b_hh = self.weight_hh.new_zeros(self.weight_hh.shape[0]) if b_hh is None else b_hh
        elif b_ih is not None:
            b_ih, b_hh = b_ih + b_hh, None
        return sequence(mode, F.linear(input, self.weight_ih, b_ih), (n,), False, self.weight_hh, b_hh, states)[1]

    def _single(self, mode, input, hx):
        """``_step`` for a cell with one state, of a batch or of one."""
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        if hx is not None and hx.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected hidden to be 1D or 2D, got {hx.dim()}D instead")
        if input.dim() == 2:
            return self._step(mode, input, [self._zeros(input) if hx is None else hx])[0]
        input = input.unsqueeze(0)
        return self._step(mode, input, [self._zeros(input) if hx is None else hx.unsqueeze(0)])[0].squeeze(0)

    def _zeros(self, input):
        return zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device)


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.   x: (N, input_size) or (input_size), h: likewise → h'

    torch: nn.RNNCell

    >>> nn.RNNCell(3, 4)(torch.zeros(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}\nit is 'tanh' or 'relu'")
        return self._single(f"RNN_{self.nonlinearity.upper()}", input, hx)


class LSTMCell(RNNCellBase):
    """One step of ``LSTM``: x, (h, c) → (h', c').   torch: nn.LSTMCell

    >>> h, c = nn.LSTMCell(3, 4)(torch.zeros(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        if input.dim() not in (1, 2):
            raise ValueError(f"LSTMCell: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for k, state in enumerate(() if hx is None else hx):
            if state.dim() not in (1, 2):
                raise ValueError(f"LSTMCell: Expected hx[{k}] to be 1D or 2D, got {state.dim()}D instead")
        if hx is not None and not isinstance(hx, (tuple, list)):
            raise TypeError(f"lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not {type(hx).__name__}")
        if hx is not None and len(hx) != 2:
            raise RuntimeError("lstm_cell expects two hidden states\npass (h, c)")
        batched = input.dim() == 2
        if not batched:
            input, hx = input.unsqueeze(0), hx and [s.unsqueeze(0) for s in hx]
        states = self._step("LSTM", input, [self._zeros(input)] * 2 if hx is None else list(hx))
        return tuple(states) if batched else tuple([s.squeeze(0) for s in states])


class GRUCell(RNNCellBase):
    """One step of ``GRU``: x, h → h'.   torch: nn.GRUCell

    >>> nn.GRUCell(3, 4)(torch.zeros(3)).shape
    torch.Size([4])
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        return self._single("GRU", input, hx)
