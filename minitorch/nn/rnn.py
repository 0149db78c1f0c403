"""Layers that go along a sequence and remember: RNN, LSTM, GRU.   torch: nn/modules/rnn.py"""

import math
import numbers
import warnings

from ..creation import empty, zeros
from ..modes import MODE
from ..ops.joining import cat, stack
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .recurrence import sequence
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU have in common: the parameters of each layer and direction, and the way through them.

    Layer k's are weight_ih_lk (G·H, input), weight_hh_lk (G·H, H), bias_ih_lk and bias_hh_lk (G·H), all
    U(-1/√H, 1/√H); the backward direction's end in ``_reverse``.   torch: nn.RNNBase
    """

    def __init__(
        self, mode, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
        bidirectional=False, proj_size=0, device=None, dtype=None,
    ):  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional, self.proj_size = bias, batch_first, bidirectional, proj_size
        _check_dropout(dropout, num_layers)
        self.dropout = float(dropout)
        _check_options(mode, input_size, hidden_size, num_layers, bias, batch_first, proj_size)

        self._all_weights = []
        for layer in range(num_layers):
            for direction in range(self._num_directions):
                suffix = f"_l{layer}" + ("_reverse" if direction == 1 else "")
                shapes = self._shapes(layer)
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append([name + suffix for name in shapes])
        self.reset_parameters()

    @property
    def _num_directions(self):
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self):
        return self.proj_size or self.hidden_size

    def _shapes(self, layer):
        """The parameters of one direction of a layer, in PyTorch's order."""
        gate_size = GATES[self.mode] * self.hidden_size
        features = self.input_size if layer == 0 else self._output_size * self._num_directions
        shapes = {"weight_ih": (gate_size, features), "weight_hh": (gate_size, self._output_size)}
        if self.bias:
            shapes |= {"bias_ih": (gate_size,), "bias_hh": (gate_size,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def all_weights(self):
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def __getstate__(self):
        flat = {"_flat_weights_names": self._flat_weights_names, "_flat_weights": self._flat_weights}
        return {**super().__getstate__(), **flat}  # PyTorch keeps both

    def __setstate__(self, state):
        super().__setstate__({key: value for key, value in state.items() if not key.startswith("_flat_weight")})

    @property
    def _flat_weights_names(self):
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self):
        return [getattr(self, name, None) for name in self._flat_weights_names]

    def flatten_parameters(self):
        """Nothing to do here: cuDNN wants the parameters in one piece of memory.   torch: RNNBase.flatten_parameters"""

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        changed = {name: getattr(self, name) for name, usual in defaults.items() if getattr(self, name) != usual}
        return ", ".join([text, *(f"{name}={value}" for name, value in changed.items())])

    # ------------------------------------------------------------------------------------------------- what is checked

    def check_input(self, input, batch_sizes):
        """Raise ValueError or RuntimeError for an input of another dtype or size than the layer's."""
        dtype = self._flat_weights[0].dtype
        if input.dtype is not dtype and MODE.autocast is None:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). "
                f"Convert input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def get_expected_hidden_size(self, input, batch_sizes):
        return self._state_size(input, batch_sizes, self._output_size)

    def _state_size(self, input, batch_sizes, size):
        batch = input.size(0 if self.batch_first else 1) if batch_sizes is None else int(batch_sizes[0])
        return self.num_layers * self._num_directions, batch, size

    def check_hidden_size(self, hx, expected_hidden_size, msg="Expected hidden size {}, got {}"):
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise RuntimeError(
                msg.format(expected_hidden_size, list(hx.size())) + "\nit is (num_layers · num_directions, batch, size)"
            )

    def check_forward_args(self, input, hidden, batch_sizes):
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx, permutation):
        return hx if permutation is None else hx.index_select(1, permutation)

    # ---------------------------------------------------------------------------------------------------------- the way

    def forward(self, input, hx=None):
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        kind = self.mode.partition("_")[0]
        if input.dim() not in (2, 3):
            what = "D tensor" if kind == "RNN" else "D"
            raise ValueError(f"{kind}: Expected input to be 2D or 3D, got {input.dim()}{what} instead")
        batched, batch_dim = input.dim() == 3, 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(batch_dim)
        if hx is None:
            hx = self._zero_state(input, None)
        else:
            hx = self._batched_state(hx, batched)
        self.check_forward_args(input, hx, None)

        steps = input.transpose(0, 1) if self.batch_first else input
        length, batch = steps.shape[:2]
        if not length:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        output, states = self._through(steps.reshape(length * batch, self.input_size), (batch,) * length, self._as_tuple(hx))
        output = output.view(length, batch, output.shape[-1])
        if self.batch_first:
            output = output.transpose(0, 1)
        if not batched:
            output, states = output.squeeze(batch_dim), [s.squeeze(1) for s in states]
        return output, self._as_hidden(states)

    def _forward_packed(self, packed, hx):
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        hx = self._zero_state(data, batch_sizes) if hx is None else self.permute_hidden(hx, sorted_indices)
        self.check_forward_args(data, hx, batch_sizes)
        output, states = self._through(data, tuple(batch_sizes.tolist()), self._as_tuple(hx))
        output = PackedSequence(output, batch_sizes, sorted_indices, unsorted_indices)
        return output, self.permute_hidden(self._as_hidden(states), unsorted_indices)

    def _through(self, x, sizes, states):
        """All layers and directions, one after the other. x: (N, features), packed → (N, output), the final states."""
        if MODE.autocast is None and any([s.dtype is not x.dtype for s in states]):
            wrong = next(s for s in states if s.dtype is not x.dtype)
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {wrong._type_name()} and {x._type_name()}\n"
                "the states have the input's dtype"
            )
        finals = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self._num_directions):
                k = len(finals)
                y, final = self._one_direction(k, x, sizes, direction == 1, [s[k] for s in states])
                outputs.append(y)
                finals.append(final)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, True)
        return x, [stack(kind) for kind in zip(*finals, strict=True)]

    def _one_direction(self, k, x, sizes, reverse, states):
        w_ih, w_hh, *rest = [getattr(self, name) for name in self._all_weights[k]]
        b_ih, b_hh = rest[:2] if self.bias else (None, None)
        projection = rest[-1] if self.proj_size else None
        if self.mode == "GRU":
            b_hh = w_hh.new_zeros(w_hh.shape[0]) if b_hh is None else b_hh
        elif self.bias:  # one addition less in each step
            b_ih, b_hh = b_ih + b_hh, None
        return sequence(self.mode, F.linear(x, w_ih, b_ih), sizes, reverse, w_hh, b_hh, states, projection)

    def _zero_state(self, input, batch_sizes):
        return zeros(self.get_expected_hidden_size(input, batch_sizes), dtype=input.dtype, device=input.device)

    def _batched_state(self, hx, batched):
        if hx.dim() != (3 if batched else 2):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx should also be {3 if batched else 2}-D but got {hx.dim()}-D tensor")
        return hx if batched else hx.unsqueeze(1)

    def _as_tuple(self, hx):
        return (hx,)

    def _as_hidden(self, states):
        return states[0]


def _check_dropout(dropout, num_layers):
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being zeroed")
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=3,
        )


def _check_options(mode, input_size, hidden_size, num_layers, bias, batch_first, proj_size):
    """Raise TypeError or ValueError for options that PyTorch refuses, in its order."""
    for name, value in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(value, int):
            raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)


def _no_projection(options):
    if "proj_size" in options:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu, at each step.   torch: nn.RNN.   Elman 1990

    input: (L, N, input_size), (N, L, input_size) if batch_first, (L, input_size), or a PackedSequence; h_0 of
    (layers · directions, N, hidden_size), zeros unless given → the last layer's h at each step, and every layer's last h

    RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    bidirectional=False). Dropout is on the outputs of all layers but the last.

    >>> output, h = nn.RNN(3, 4, num_layers=2)(torch.zeros(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        _no_projection(kwargs)
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """i, f, g, o = σ, σ, tanh, σ of W_ih x + b_ih + W_hh h + b_hh;   c' = f c + i g;   h' = o tanh c'.

    As ``RNN``, with a second state c: hx is (h_0, c_0), and it returns output, (h_n, c_n). With ``proj_size`` h' is
    W_hr o tanh c'.   torch: nn.LSTM.   Hochreiter & Schmidhuber 1997

    >>> output, (h, c) = nn.LSTM(3, 4, proj_size=2)(torch.zeros(5, 2, 3))
    >>> output.shape, h.shape, c.shape
    (torch.Size([5, 2, 2]), torch.Size([1, 2, 2]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input, batch_sizes):
        return self._state_size(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input, hidden, batch_sizes):
        self.check_input(input, batch_sizes)
        sizes = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        for k, size in enumerate(sizes):
            self.check_hidden_size(hidden[k], size, f"Expected hidden[{k}] size {{}}, got {{}}")

    def permute_hidden(self, hx, permutation):
        if permutation is None:
            return hx
        return hx[0].index_select(1, permutation), hx[1].index_select(1, permutation)

    def _zero_state(self, input, batch_sizes):
        sizes = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        return tuple([zeros(size, dtype=input.dtype, device=input.device) for size in sizes])

    def _batched_state(self, hx, batched):
        wanted = 3 if batched else 2
        if hx[0].dim() != wanted or hx[1].dim() != wanted:
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {wanted}-D but got ({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )
        return hx if batched else (hx[0].unsqueeze(1), hx[1].unsqueeze(1))

    def _as_tuple(self, hx):
        return tuple(hx)

    def _as_hidden(self, states):
        return tuple(states)


class GRU(RNNBase):
    """r, u = σ(W_ih x + b_ih + W_hh h + b_hh);   n = tanh(W_in x + b_in + r (W_hn h + b_hn));   h' = (1 - u) n + u h.

    As ``RNN``.   torch: nn.GRU.   Cho et al. 2014, arXiv:1406.1078

    >>> output, h = nn.GRU(3, 4, bidirectional=True, batch_first=True)(torch.zeros(2, 5, 3))
    >>> output.shape, h.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)
