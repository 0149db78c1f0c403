"""Storages against PyTorch's."""

import warnings

import pytest
from oracle import agree

PROGRAMS = [
    "x.untyped_storage().nbytes(), len(x.untyped_storage()), x.untyped_storage().tolist()",
    "x.t().untyped_storage().data_ptr() == x.data_ptr(), x[1].untyped_storage() == x.untyped_storage()",
    "x.clone().untyped_storage() == x.untyped_storage()",
    "x[1:].storage().tolist(), x.storage().size(), x.storage()[2], str(x.storage().dtype), len(x.t().storage())",
    "repr(x[0, 0].clone().storage()), repr(x[0, 0].clone().untyped_storage()), repr(t.FloatStorage([1, 2]))",
    "t.is_storage(x.storage()), t.is_storage(x.untyped_storage()), t.is_storage(x)",
    "[s.element_size() for s in (x.untyped_storage(), x.storage())], x.storage().nbytes()",
    "t.zeros(0).untyped_storage().nbytes(), t.zeros(3, dtype=t.int16).untyped_storage().nbytes()",
    "x[0].expand(4, 3).untyped_storage().nbytes(), str(x.untyped_storage().device)",
    "len(t.LongStorage(3)), t.BoolStorage([True]).tolist(), t.UntypedStorage(4).nbytes()",
    "t.zeros(0, 3).stride(), t.zeros(2, 0, 3).stride(), t.zeros(2, 0, 3).transpose(0, 2).is_contiguous()",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_as_in_pytorch(text):
    def program(t):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's word on typed storages
            return eval(text, {"t": t, "x": t.arange(6.0).reshape(2, 3)})

    agree(program)


def test_writes_show():
    def program(t):
        x = t.zeros(3, dtype=t.uint8)
        x.untyped_storage()[1] = 7
        copy = x.untyped_storage().clone()
        copy[0] = 9
        return x, copy.tolist()

    agree(program)


def test_files_as_memory(tmp_path):
    def program(t):
        path = str(tmp_path / t.__name__)
        (tmp_path / t.__name__).write_bytes(bytes(range(8)))
        private, shared = t.UntypedStorage.from_file(path, False, 8), t.UntypedStorage.from_file(path, shared=True, nbytes=12)
        private[0], shared[1] = 50, 60
        return private.tolist()[:1], shared.tolist(), list((tmp_path / t.__name__).read_bytes())

    agree(program)
