"""How a tensor's elements lie in memory, as arguments: ``memory_format=`` and ``layout=``.

torch: c10/core/MemoryFormat.h, c10/core/Layout.h
"""

__all__ = [
    "channels_last", "channels_last_3d", "contiguous_format", "jagged", "layout", "memory_format", "preserve_format",
    "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr", "strided",
]  # fmt: skip


class memory_format:
    """The order of the dims in memory: ``channels_last`` is (N, H, W, C), whatever the order of the shape.

    torch: torch.memory_format
    """

    __slots__ = ("name", "order")

    def __init__(self, name, order=None):
        self.name, self.order = name, order

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name


class layout:
    """Whether all elements are stored (``strided``) or, in PyTorch, only some.   torch: torch.layout"""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last = memory_format("channels_last", (0, 2, 3, 1))
channels_last_3d = memory_format("channels_last_3d", (0, 2, 3, 4, 1))

strided = layout("strided")
jagged, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc = map(
    layout, ("jagged", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc")
)
