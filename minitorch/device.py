"""Where a tensor's memory is.   torch: torch.device"""

__all__ = ["CPU", "as_device", "device"]

KINDS = ("cpu", "cuda")


class device:
    """``device("cpu")``, ``device("cuda", 0)``, ``device("cuda:0")``: a kind of memory and which one of that kind.

    torch: torch.device

    >>> torch.device("cuda:1").index, str(torch.device("cpu"))
    (1, 'cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type, index=None):
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        kind, colon, number = type.partition(":")
        if kind not in KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(KINDS)} device type at start of device string: {kind}\n"
                "this library knows these kinds of memory"
            )
        if colon:
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'\nwrite it as 'cpu' or 'cuda:0'")
            index = int(number)
        self.type, self.index = kind, index

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
        return device, (self.type, self.index)


CPU = device("cpu")


def as_device(value):
    """``value`` as a device: None is the CPU; strings, numbers and devices are what ``device(value)`` makes of them."""
    return CPU if value is None or value == "cpu" else device(value)
