"""The safetensors format: names, types and places in a header of JSON, and the numbers after it. No pickle, nothing to run.

    8 bytes                      the header's length n, little-endian
    n bytes                      {"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
                                  "__metadata__": {"format": "pt"}}, and spaces to a multiple of 8
    the rest                     the tensors one after another, with no hole, none overlapping

The names are those of the public library's ``safetensors.torch``; its files are read and ours are read by it. A file is
mapped: ``safe_open`` reads a tensor when it is asked for, and ``load_file`` none before it is used.

torch: https://github.com/huggingface/safetensors, whose README defines the format
"""

import io
import json
import math
import os
import struct
import sys

from .. import dtypes
from ..backends import for_device, memory
from ..device import CPU
from ..engine import Tensor, wrap
from ..storage import untyped_storage
from .replacing import replaced_when_complete

__all__ = [
    "SafetensorError", "TYPES", "load", "load_file", "load_model", "read_header", "safe_open", "save", "save_file",
    "save_model",
]  # fmt: skip

TYPES = {
    "BOOL": dtypes.bool, "U8": dtypes.uint8, "I8": dtypes.int8, "I16": dtypes.int16, "U16": dtypes.uint16,
    "F16": dtypes.float16, "BF16": dtypes.bfloat16, "I32": dtypes.int32, "U32": dtypes.uint32, "F32": dtypes.float32,
    "C64": dtypes.complex64, "F64": dtypes.float64, "I64": dtypes.int64, "U64": dtypes.uint64,
}  # fmt: skip
"""By the format's names, in its order: tensors of a later type come earlier in a file."""
NAMES = {dtype: name for name, dtype in TYPES.items()}
BITS_OF_OTHERS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
}  # fmt: skip
"""The types of the format that this library lacks: they are listed, but not read."""
BITS = {**{name: 8 * dtype.itemsize for name, dtype in TYPES.items()}, **BITS_OF_OTHERS}
LONGEST_HEADER = 100_000_000
MOST_ELEMENTS = 2**63


class SafetensorError(Exception):
    """The file isn't what the format says.   torch: safetensors.SafetensorError"""


# ----------------------------------------------------------------------------------------------------------- the header


def read_header(file, total):
    """The header of a file of ``total`` bytes: ({name: (type, shape, first byte, last byte)}, metadata or None).

    The bytes are counted from the file's beginning. All of it is checked: raises SafetensorError.
    """
    start = file.read(8)
    if len(start) < 8:
        raise wrong("header too small")
    (length,) = struct.unpack("<Q", start)
    if length > LONGEST_HEADER:
        raise wrong("header too large")
    if 8 + length > total:
        raise wrong("invalid header length")
    header = parsed(file.read(length))
    metadata = header.pop("__metadata__", None)
    if metadata is not None and not (isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())):
        raise wrong("invalid JSON in header: __metadata__ must be a map from strings to strings")

    entries = {name: checked(name, entry) for name, entry in header.items()}
    entries = dict(sorted(entries.items(), key=lambda item: item[1][2:]))
    end = 0
    for name, (_, _, first, last) in entries.items():
        if first != end:
            raise wrong(f"invalid offset for tensor `{name}`")
        end = last
    if 8 + length + end != total:
        raise wrong("incomplete metadata, file not fully covered")
    moved = {name: (kind, shape, 8 + length + a, 8 + length + b) for name, (kind, shape, a, b) in entries.items()}
    return moved, metadata


def wrong(what):
    return SafetensorError(f"Error while deserializing: {what}")


def parsed(text):
    def without_doubles(pairs):
        if len({name for name, _ in pairs}) < len(pairs):
            raise wrong("invalid JSON in header: a name is there twice")
        return dict(pairs)

    try:
        header = json.loads(text.decode(), object_pairs_hook=without_doubles)
    except UnicodeDecodeError as error:
        raise wrong(f"invalid UTF-8 in header: {error}") from None
    except (ValueError, RecursionError) as error:
        raise wrong(f"invalid JSON in header: {error}") from None
    if not isinstance(header, dict):
        raise wrong(f"invalid JSON in header: expected a map, found {type(header).__name__}")
    return header


def checked(name, entry):
    """What the header says of a tensor: its type, shape, and first and last byte."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise wrong(f"invalid JSON in header: tensor `{name}` needs a dtype, a shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in BITS:
        raise wrong(f"invalid JSON in header: unknown variant `{kind}`, expected one of {', '.join(f'`{k}`' for k in BITS)}")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < MOST_ELEMENTS for n in numbers):
            raise wrong(f"invalid JSON in header: tensor `{name}` has {numbers!r} where sizes must be")
    if len(offsets) != 2:
        raise wrong(f"invalid JSON in header: tensor `{name}` needs two data_offsets")
    if offsets[1] < offsets[0]:
        raise wrong(f"invalid offset for tensor `{name}`")
    bits = math.prod(shape) * BITS[kind]
    if bits >= MOST_ELEMENTS or math.prod(max(n, 1) for n in shape) >= MOST_ELEMENTS:
        raise wrong("overflow computing buffer size from shape and/or element type")
    if bits % 8 or offsets[1] - offsets[0] != bits // 8:
        raise wrong(f"invalid shape, data type, or offset for tensor\n`{name}`: {kind} of shape {shape} in bytes {offsets}")
    return kind, shape, *offsets


# -------------------------------------------------------------------------------------------------------------- reading


class safe_open:
    """A file whose tensors are read when asked for.   torch: safetensors.safe_open

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save_file({"weight": torch.ones(2, 3)}, path, {"format": "pt"})
    >>> with safe_open(path, "pt") as file:
    ...     file.keys(), file.metadata(), file.get_slice("weight")[:1, 1:]
    (['weight'], {'format': 'pt'}, tensor([[1., 1.]]))
    """

    def __init__(self, filename, framework, device="cpu"):
        if framework not in ("pt", "torch", "pytorch"):
            raise SafetensorError(f"framework {framework} is invalid\ntensors are made of this library: \"pt\"")
        if not os.path.exists(filename):
            raise FileNotFoundError(f"No such file or directory: {os.fspath(filename)}")
        self.device = device
        with open(filename, "rb") as file:
            self.entries, self.header_metadata = read_header(file, os.path.getsize(filename))
        self.memory = memory.mapped(filename)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.memory = None

    def keys(self):
        """The names, in order."""
        return sorted(self.entries)

    def offset_keys(self):
        """The names, in the order of the numbers in the file."""
        return list(self.entries)

    def metadata(self):
        """What the file says of itself: a dict of strings, or None."""
        return self.header_metadata

    def get_slice(self, name):
        """A tensor that isn't read yet: index it."""
        return Slice(self, name, *self.entry(name)[:2])

    def get_tensor(self, name):
        """The tensor of that name, in the file's memory. What is written to it stays here."""
        kind, shape, first, last = self.entry(name)
        if self.memory is None:
            raise SafetensorError("File is closed")
        return tensor_of(name, kind, shape, memory.of_mapping(self.memory, first, last - first)).to(self.device)

    def get_tensors(self):
        """All of them, by name."""
        return {name: self.get_tensor(name) for name in self.keys()}

    def entry(self, name):
        if name not in self.entries:
            raise SafetensorError(f"File does not contain tensor {name}")
        return self.entries[name]


class Slice:
    """A tensor in a file: its shape is known, and of its numbers those are read that an index picks."""

    def __init__(self, file, name, kind, shape):
        self.file, self.name, self.kind, self.shape = file, name, kind, shape

    def get_shape(self):
        """Its shape, as a list."""
        return self.shape

    def get_dtype(self):
        """Its type as the format names it, such as "F32"."""
        return self.kind

    def __getitem__(self, index):
        return self.file.get_tensor(self.name)[index]


def tensor_of(name, kind, shape, content):
    """The tensor in the bytes ``content``."""
    if kind not in TYPES:
        raise TypeError(f"tensor `{name}` is of type {kind}, which isn't here\nconvert it with the library that made it")
    dtype = TYPES[kind]
    if not memory.aligned(content, dtype.itemsize):
        content = content.copy()
    if sys.byteorder == "big":
        content = content.reshape(-1, dtype.itemsize // (1 + dtype.is_complex))[:, ::-1].reshape(-1)
    strides = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
    return wrap(memory.laid_over(content, for_device(CPU).array_dtype(dtype), shape, strides, 0))


def load_file(filename, device="cpu"):
    """All tensors of a file, by name. A tensor's numbers are read when they are used.   torch: safetensors.torch.load_file"""
    with safe_open(filename, "pt", device) as file:
        return file.get_tensors()


def load(data):
    """The tensors in the bytes of a file, by name.   torch: safetensors.torch.load

    >>> load(save({"weight": torch.ones(2)}))
    {'weight': tensor([1., 1.])}
    """
    entries, _ = read_header(io.BytesIO(data), len(data))
    content = memory.bytes_in(data)
    found = {name: tensor_of(name, kind, shape, content[a:b].copy()) for name, (kind, shape, a, b) in entries.items()}
    return dict(sorted(found.items()))


# -------------------------------------------------------------------------------------------------------------- writing


def save_file(tensors, filename, metadata=None):
    """Write tensors, by name, to a file, which is replaced when the new one is complete.

    metadata: a dict of strings. Raises RuntimeError where tensors share memory, and ValueError for what is no contiguous
    tensor.   torch: safetensors.torch.save_file
    """
    header, order = described(tensors, metadata)
    with replaced_when_complete(filename) as file:
        file.write(header)
        for tensor in order:
            file.write(content_of(tensor))


def save(tensors, metadata=None):
    """The bytes of a file of these tensors.   torch: safetensors.torch.save"""
    header, order = described(tensors, metadata)
    return b"".join([header, *map(content_of, order)])


def content_of(tensor):
    """A contiguous tensor's numbers as bytes, little-endian."""
    array = tensor.detach().cpu()._array
    return memory.content(array if sys.byteorder == "little" else array.byteswap())


def described(tensors, metadata):
    """The beginning of a file, and the tensors in their order: wide types first, so that each begins at its own multiple."""
    refuse_what_cannot_be_saved(tensors)
    header, at = ({} if metadata is None else {"__metadata__": strings(metadata)}), 0
    ranks = list(BITS)
    names = sorted(tensors, key=lambda name: (-BITS[NAMES[tensors[name].dtype]], -ranks.index(NAMES[tensors[name].dtype]), name))
    for name in names:
        tensor = tensors[name]
        end = at + tensor.numel() * tensor.dtype.itemsize
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, [tensors[name] for name in names]


def strings(metadata):
    for item in (*metadata, *metadata.values()):
        if not isinstance(item, str):
            raise TypeError(f"argument 'metadata': '{type(item).__name__}' object is not an instance of 'str'")
    return metadata


def refuse_what_cannot_be_saved(tensors):
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}")
    groups = [sorted(names) for names in sharing(tensors) if len(names) > 1]
    if groups:
        raise RuntimeError(
            "\n            Some tensors share memory, this will lead to duplicate memory on disk and potential differences when "
            f"loading them again: {groups}.\n            A potential way to correctly save your model is to use `save_model`."
            "\n            More information at https://huggingface.co/docs/safetensors/torch_shared_tensors\n            "
        )
    for name, tensor in tensors.items():
        if not isinstance(name, str):
            raise TypeError(f"argument 'tensor_dict': '{type(name).__name__}' object is not an instance of 'str'")
        if not tensor.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. It either means you are trying to "
                "save tensors which are reference of each other in which case it's recommended to save only the full tensors, and "
                "reslice at load time, or simply call `.contiguous()` on your tensor to pack it before saving."
            )
        if tensor.dtype not in NAMES:
            raise KeyError(tensor.dtype)


def bounds(tensor):
    """The addresses of its first byte and of the one after its last."""
    reach = sum([(n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True)]) + 1
    return tensor.data_ptr(), tensor.data_ptr() + reach * tensor.element_size()


def sharing(tensors):
    """The names of those tensors that lie in one memory and overlap, a list for each such group."""
    by_memory: dict = {}
    for name, tensor in tensors.items():
        if tensor.numel():
            by_memory.setdefault(id(untyped_storage(tensor).owner), []).append((*bounds(tensor), name))
    groups = []
    for places in by_memory.values():
        reached = None
        for first, last, name in sorted(places):
            if reached is None or first >= reached:
                groups.append([])
                reached = last
            groups[-1].append(name)
            reached = max(reached, last)
    return groups


# --------------------------------------------------------------------------------------------------------------- models


def save_model(model, filename, metadata=None, force_contiguous=True):
    """Write a module's tensors; of those that are one by several names, one, and the others' names as metadata.

    torch: safetensors.torch.save_model
    """
    state, metadata = model.state_dict(), dict(metadata or {})
    for kept, dropped in doubles(state).items():
        for name in dropped:
            metadata.setdefault(name, kept)
            del state[name]
    if force_contiguous:
        state = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(dict(state), filename, metadata or None)


def load_model(model, filename, strict=True, device="cpu"):
    """Read a module's tensors from a file. Returns the names (missing in it, unknown to the module).

    Raises RuntimeError where there are any and ``strict``.   torch: safetensors.torch.load_model
    """
    state = load_file(filename, device)
    dropped = doubles(model.state_dict(), preferred=state)
    missing, unexpected = model.load_state_dict(state, strict=False)
    alike = {name for names in dropped.values() for name in names}
    unexpected = [*unexpected, *sorted(alike - {*missing})]
    missing = {*missing} - alike
    if strict and (missing or unexpected):
        text = f"Error(s) in loading state_dict for {model.__class__.__name__}:"
        for what, names in (("Missing", missing), ("Unexpected", unexpected)):
            if names:
                listed = ", ".join(f'"{name}"' for name in sorted(names))
                text += f"\n    {what} key(s) in state_dict: {listed}"
        raise RuntimeError(text)
    return missing, unexpected


def doubles(state, preferred=()):
    """{the name that is kept: the other names of the same tensor}. Kept is one of ``preferred``, or else the first.

    Raises RuntimeError for tensors that share only parts.
    """
    found = {}
    for names in sharing(state):
        whole = {(state[name].data_ptr(), tuple(state[name].shape), state[name].stride()) for name in names}
        if len(whole) > 1:
            raise RuntimeError(
                "Error while trying to find names to remove to save state dict, but found no suitable name to keep for saving "
                f"amongst: {{{', '.join(map(repr, sorted(names)))}}}. None is covering the entire storage.Refusing to save/load the "
                "model since you could be storing much more memory than needed. Please refer to "
                "https://huggingface.co/docs/safetensors/torch_shared_tensors for more information. Or open an issue."
            )
        if len(names) > 1:
            kept = min([name for name in names if name in preferred] or names)
            found[kept] = sorted(set(names) - {kept})
    return found
