"""Sequences of different lengths in one tensor: padded to the longest, or packed without gaps.

    a a a a        padded, (L, B): a column each        packed: [a b c  a b c  a b  a], batch_sizes [3, 3, 2, 1]
    b b b .        sequence, here drawn as rows         the first step of all sequences, then the second of those
    c c . .                                             that have one, …: what a recurrent layer takes at a time

torch: nn/utils/rnn.py
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ...absent import absent
from ...creation import arange, as_tensor, empty_like, full, tensor
from ...dtypes import float16, float32, float64, int8, int16, int32, int64, uint8
from ...engine import Tensor
from ...ops.joining import stack

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip

__getattr__ = absent(__name__)


class PackedSequence_(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(PackedSequence_):
    """Sequences packed by ``pack_sequence`` or ``pack_padded_sequence``: (data, batch_sizes, sorted_indices, unsorted_indices).

    data: (all steps, *); batch_sizes: how many sequences have each step; the indices tell the order in which the sequences
    were given, None if they came sorted by length.   torch: nn.utils.rnn.PackedSequence
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. "
                "They should be instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        """The same with ``data`` moved or cast, as ``Tensor.to`` does; itself if there is nothing to do."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        indices = [i if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *indices)

    def cpu(self, *args, **kwargs):
        return self.to(*args, device="cpu", **kwargs)

    def cuda(self, *args, **kwargs):
        return self.to(*args, **{"device": "cuda", **kwargs})

    def double(self):
        return self.to(dtype=float64)

    def float(self):
        return self.to(dtype=float32)

    def half(self):
        return self.to(dtype=float16)

    def long(self):
        return self.to(dtype=int64)

    def int(self):
        return self.to(dtype=int32)

    def short(self):
        return self.to(dtype=int16)

    def char(self):
        return self.to(dtype=int8)

    def byte(self):
        return self.to(dtype=uint8)

    @property
    def is_cuda(self):
        return self.data.is_cuda

    def is_pinned(self):
        return False

    def pin_memory(self):
        return self


def invert_permutation(permutation):
    """The permutation that undoes another; None for None.   torch: nn.utils.rnn.invert_permutation

    >>> nn.utils.rnn.invert_permutation(tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    return empty_like(permutation).scatter_(0, permutation, arange(permutation.numel(), dtype=permutation.dtype, device=permutation.device))


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Pack sequences that are padded.   torch: nn.utils.rnn.pack_padded_sequence

    input: (L, B, *), (B, L, *) if batch_first; lengths: B of them, falling, or in any order if not enforce_sorted.

    >>> nn.utils.rnn.pack_padded_sequence(tensor([[1, 4], [2, 5], [3, 0]]), [3, 2]).data
    tensor([1, 4, 2, 5, 3])
    """
    lengths = lengths.to(dtype=int64) if isinstance(lengths, Tensor) else as_tensor(lengths, dtype=int64, device="cpu")
    sorted_indices = None
    if not enforce_sorted:
        lengths, sorted_indices = lengths.sort(descending=True)
        sorted_indices = sorted_indices.to(input.device)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if batch_first:
        input = input.transpose(0, 1)

    batch = input.size(1)
    _check_lengths(input, lengths, batch)
    numbers = lengths.tolist()
    sizes = [sum([n > t for n in numbers]) for t in range(numbers[0])]
    places = [t * batch + k for t, size in enumerate(sizes) for k in range(size)]
    data = input.flatten(0, 1).index_select(0, tensor(places, device=input.device))
    return PackedSequence(data, tensor(sizes, device="cpu"), sorted_indices, None)


def _check_lengths(input, lengths, batch):
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths.ndim != 1:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.ndim}D {lengths.device.type} Long tensor"
        )
    if len(lengths) != batch:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={batch})")
    numbers = lengths.tolist()
    if numbers[-1] <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if numbers != sorted(numbers, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not "
            "need ONNX exportability."
        )


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The padded sequences, (L, B, *), and their lengths.   torch: nn.utils.rnn.pad_packed_sequence

    >>> packed = nn.utils.rnn.pack_sequence([tensor([1, 2, 3]), tensor([4])])
    >>> nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 3],
            [4, 0, 0]]), tensor([3, 1]))
    """
    sizes = sequence.batch_sizes.tolist()
    longest = len(sizes)
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        longest = total_length
    data, batch = sequence.data, sizes[0]
    places = [t * batch + k for t, size in enumerate(sizes) for k in range(size)]
    padded = full((longest * batch, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    padded = padded.index_copy(0, tensor(places, device=data.device), data).view(longest, batch, *data.shape[1:])
    lengths = tensor([sum([size > k for size in sizes]) for k in range(batch)], device="cpu")
    if batch_first:
        padded = padded.transpose(0, 1)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(0 if batch_first else 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.cpu()]
    return padded, lengths


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Sequences (L_i, *) as one tensor, (L, B, *) or (B, L, *), with ``padding_value`` after, or before, the shorter ones.

    torch: nn.utils.rnn.pad_sequence

    >>> nn.utils.rnn.pad_sequence([tensor([1, 2]), tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    rest = sequences[0].shape[1:]
    longest = max([s.size(0) for s in sequences])
    padded = []
    for s in sequences:
        if s.shape[1:] != rest or s.dtype is not sequences[0].dtype:
            s = sequences[0].new_empty((s.size(0), *rest)).copy_(s)
        n = longest - s.size(0)
        around = (n, 0) if padding_side == "left" else (0, n)
        padded.append(s.pad_widths([around, *[(0, 0)] * len(rest)], padding_value) if n else s)
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The sequences, a list, without what pads them.   torch: nn.utils.rnn.unpad_sequence"""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [s[:n] for s, n in zip(padded_sequences, lengths.tolist(), strict=True)]


def pack_sequence(sequences, enforce_sorted=True):
    """Pack a list of sequences, (L_i, *): the longest first, or in any order if not enforce_sorted.

    torch: nn.utils.rnn.pack_sequence

    >>> nn.utils.rnn.pack_sequence([tensor([1, 2]), tensor([3])])
    PackedSequence(data=tensor([1, 3, 2]), batch_sizes=tensor([2, 1]), sorted_indices=None, unsorted_indices=None)
    """
    lengths = as_tensor([s.size(0) for s in sequences], device="cpu")
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The list of sequences that was packed.   torch: nn.utils.rnn.unpack_sequence"""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
