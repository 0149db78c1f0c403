"""PyTorch's oldest types against PyTorch's."""

import warnings

import pytest
import torch
from oracle import agree

import minitorch

NAMES = ("FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "LongTensor", "IntTensor", "ShortTensor", "CharTensor", "ByteTensor", "BoolTensor")
TEXTS = """
t.{}([1, 0, 1])
t.{}()
t.{}(2, 3).shape
t.{}(t.Size([2, 1])).shape
t.{}((1, 1))
t.{}([[1, 0], [0, 1]])
t.{}([t.tensor(1), t.tensor(0)])
t.{}(range(2))
t.{}(t.ones(2).numpy())
t.{}(1.5)
t.{}(t.ones(2))
t.{}(t.ones(2).to(t.{}.dtype))
t.{}('a')
t.{}([1], device='cpu')
t.{}([1], device='cuda')
t.{}.dtype, t.{}.is_cuda, t.{}.__name__, t.{}.__module__, str(t.{}.layout), t.{}.is_sparse
isinstance(t.ones(1), t.{}), isinstance(t.nn.Parameter(t.ones(1)), t.{}), isinstance(3, t.{}), issubclass(t.{}, t.Tensor)
t.ones(2).type(t.{}), t.ones(2).type('torch.{}'), t.ones(2).type(t.{}).type(), t.typename(t.{}([1])), t.typename(t.{})
""".strip().splitlines()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text, name):
    agree(lambda t: eval(text.replace("{}", name), {"t": t}))


OTHERS = [
    "t.ones(2).new(), t.ones(2).new(2, 3).shape, t.ones(2).new([1, 2]), t.ones(2).new(t.Size([2])).shape",
    "t.ones(2).long().new([1.5]), t.ones(2).new(t.ones(3)), t.ones(2).new(3, device='cpu').shape",
    "t.ones(2).new(t.ones(2).long())",
    "t.ones(2, requires_grad=True).new([1.0])",
    "t.ones(2).type(t.Tensor), t.ones(2).type(t.int32), t.ones(2).type()",
    "t.ones(2).type('foo')",
    "t.ones(2).type(3)",
    "t.ones(2).to(t.complex64).type()",
    "t.typename(3), t.typename(int), t.typename('a')",
    "isinstance(t.ones(1), t.autograd.Variable), isinstance(t.nn.Parameter(t.ones(1)), t.autograd.Variable), isinstance(3, t.autograd.Variable)",
    "t.autograd.Variable(t.ones(2), requires_grad=True)",
    "t.ones(2, 3).resize(3, 2)",
    "t.ones(2, 3).resize(3, 3)",
    "t.ones(2).apply_(lambda x: x + 1), t.arange(3).apply_(lambda x: x * 2), t.zeros(0).apply_(lambda x: x)",
    "t.ones(2, 2).map_(t.arange(2.0), lambda x, y: x + y)",
    "t.ones(2, requires_grad=True).apply_(lambda x: x)",
    "t.ones(2).reinforce(1)",
    "t.ones(2).values()",
    "t.ones(2).indices()",
    "t.ones(2).crow_indices()",
    "t.ones(2).col_indices()",
    "t.ones(2).ccol_indices()",
    "t.ones(2).row_indices()",
    "t.ones(2).coalesce()",
    "t.ones(2).is_coalesced()",
    "t.ones(2).to_dense(), t.ones(2).is_sparse, t.ones(2).is_sparse_csr, t.ones(2).name, t.ones(2).is_distributed()",
    "t.ones(2).is_shared(), t.ones(2).share_memory_().is_shared(), t.ones(2).untyped_storage().is_shared(), t.ones(2).share_memory_().untyped_storage().is_shared(), t.ones(2, 3).share_memory_()",
]


@pytest.mark.parametrize("text", OTHERS)
def test_old_methods(text):
    agree(lambda t: eval(text, {"t": t}))


def test_the_default_type():
    def program(t):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen = []
            for kind in (t.DoubleTensor, "torch.HalfTensor", t.LongTensor, "torch.cuda.FloatTensor", "torch.FloatTensor"):
                try:
                    t.set_default_tensor_type(kind)
                except TypeError as error:
                    seen.append(str(error).partition("\n")[0])
                seen.append(t.ones(1).dtype)
        return seen

    agree(program)


def test_memory_is_shared_with_a_tensor_of_the_same_dtype():
    x = minitorch.zeros(2)
    minitorch.FloatTensor(x)[0] = 5
    assert x.tolist() == [5, 0]


def test_forked_processes_share_memory():
    import os

    x = minitorch.zeros(2).share_memory_()
    child = os.fork()
    if not child:
        x[1] = 7
        os._exit(0)
    os.waitpid(child, 0)
    assert x.tolist() == [0, 7]


def test_sparse_tensors_are_refused():
    for name in ("to_sparse", "to_sparse_coo", "to_sparse_csr", "sparse_mask"):
        assert hasattr(torch.Tensor, name)
        with pytest.raises(NotImplementedError, match="sparse tensors aren't here"):
            getattr(minitorch.ones(2), name)()
    with pytest.raises(NotImplementedError, match="sparse tensors"):
        minitorch.zeros(2, layout=minitorch.sparse_coo)
