"""Where a tensor's memory is.   torch: torch.device"""

__all__ = ["CPU", "as_device", "device", "get_default_device", "set_default_device"]

KINDS = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy", "vulkan",
    "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip


class device:
    """``device("cpu")``, ``device("cuda", 0)``, ``device("cuda:0")``: a kind of memory and which one of that kind.

    As a block it is where tensors are made that name no device.   torch: torch.device

    >>> torch.device("cuda:1").index, str(torch.device("cpu"))
    (1, 'cpu')
    """

    __slots__ = ("before", "index", "type")

    def __init__(self, type, index=None):
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        kind, colon, number = type.partition(":")
        if kind not in KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(KINDS)} device type at start of device string: {kind}\n"
                "these are the kinds of memory that PyTorch knows"
            )
        if colon:
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'\nwrite it as 'cpu' or 'cuda:0'")
            index = int(number)
        self.type, self.index, self.before = kind, index, None

    def __enter__(self):
        self.before = DEFAULT[0]
        set_default_device(self)
        return self

    def __exit__(self, *exception):
        set_default_device(self.before)

    def __eq__(self, other):
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self):
        return hash((self.type, self.index))

    def __repr__(self):
        return (
            f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self):
        return device, (self.type,) if self.index is None else (self.type, self.index)


CPU = device("cpu")
DEFAULT = [CPU]
"""The one in which tensors are made that name none."""


def as_device(value):
    """``value`` as a device: None is the default; strings, numbers and devices are what ``device(value)`` makes of them."""
    if value is None:
        return DEFAULT[0]
    return CPU if value == "cpu" else device(value)


def get_default_device():
    """Where tensors are made that name no device.   torch: get_default_device"""
    return DEFAULT[0]


def set_default_device(device):
    """Make tensors that name no device on ``device``; None is the CPU again.   torch: set_default_device"""
    DEFAULT[0] = CPU if device is None else as_device(device)
