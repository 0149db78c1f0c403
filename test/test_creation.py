"""Tensors out of nothing: values, dtypes, sharing and refusals equal PyTorch's."""

import copy
import pickle
from array import array
from collections import UserList, deque

import numpy
import pytest
import torch
from oracle import Raised, agree, same_first_line

import minitorch

PROGRAMS = [
    # tensor
    lambda t: [t.tensor(x) for x in (3, 2.5, True, [1, 2], [1.0, 2], [[True, False]], [[1, 2.5], [3, 4]], [], [[]], [[], []], (1, 2), [(1, 2), [3, 4]], range(3), 1e10, -0.0)],
    lambda t: [t.tensor(x) for x in (deque([1, 2.5]), deque(), array("f", [1, 2]), array("d", [1]), UserList([1]), bytearray(b"a"), [range(2), deque([3, 4])], deque([t.tensor(1.5)]))],
    lambda t: [t.tensor([1, 2], dtype=d) for d in (t.float32, t.float64, t.float16, t.bfloat16, t.int8, t.uint8, t.bool)],
    lambda t: [t.tensor(numpy.array([1, 2], d)) for d in ("float32", "float64", "float16", "int64", "int32", "uint8", "bool")],
    lambda t: t.tensor(numpy.float32(2.5)), lambda t: t.tensor(numpy.float64(2.5)), lambda t: t.tensor(numpy.int32(3)), lambda t: t.tensor([numpy.float64(1.5), 2]),
    lambda t: t.tensor([numpy.float32(1.5), numpy.float32(2)]),
    lambda t: t.tensor([t.tensor(1), t.tensor(2)]), lambda t: t.tensor([t.tensor(1.5), 2.0]), lambda t: t.tensor([[t.tensor(1.0)], [t.tensor(2.0)]]),
    lambda t: t.tensor([1.5], requires_grad=True), lambda t: t.tensor(2**40), lambda t: t.tensor([2**62, -1]), lambda t: t.tensor([float("nan"), float("inf")]), lambda t: t.tensor(1 + 2j),
    lambda t: t.tensor([3.7, -3.7], dtype=t.int64), lambda t: t.tensor([0.0, 0.5], dtype=t.bool), lambda t: t.tensor(True, dtype=t.float32),
    lambda t: t.Tensor([1, 2]), lambda t: t.Tensor([[1.5]]), lambda t: t.Tensor(2, 0), lambda t: t.Tensor(t.Size([0, 3])), lambda t: t.Tensor(), lambda t: t.Tensor((1, 2)),
    # filled
    lambda t: [t.zeros(size=(2, 3)), t.ones(size=[2]), t.empty(size=(0, 2)), t.ones(1).new_zeros(size=(2, 1)), t.ones(1).new_ones(size=(2,))],
    lambda t: [t.zeros(2, 3), t.zeros((2, 3)), t.zeros([2]), t.zeros(()), t.zeros(0), t.zeros(2, dtype=t.int64), t.zeros(t.Size([2])), t.zeros(2, requires_grad=True)],
    lambda t: [t.ones(2, 3), t.ones(2, dtype=t.bool), t.full((2,), 7), t.full((2,), 7.0), t.full((), True), t.full((2, 2), 3, dtype=t.float16), t.full((1,), t.tensor(2.5))],
    lambda t: [t.eye(3), t.eye(2, 3), t.eye(3, 2, dtype=t.int64), t.eye(0), t.eye(2, requires_grad=True)],
    lambda t: [f(t.ones(2, 3, dtype=t.float64)) for f in (t.zeros_like, t.ones_like)] + [t.full_like(t.ones(2), 3), t.zeros_like(t.ones(2), dtype=t.int8), t.ones_like(t.ones(2), requires_grad=True)],
    lambda t: [t.ones(2, dtype=t.int32).new_zeros(3), t.ones(2).new_ones((2, 2), dtype=t.bool), t.ones(2).new_full((2,), 5), t.ones(2, dtype=t.float64).new_tensor([1, 2]), t.ones(2).new_zeros(()), t.ones(2).new_tensor(3)],
    lambda t: [t.empty(2, 3).shape, t.empty(2, dtype=t.int8).dtype, t.empty_like(t.ones(2, 3, dtype=t.float16)).shape, t.ones(2).new_empty(4).shape, t.empty(0)],
    lambda t: t.empty_like(t.ones(2, 3, 4).permute(2, 0, 1)).stride(), lambda t: t.zeros_like(t.ones(2, 3).t()).shape, lambda t: t.empty_strided((2, 3), (1, 2)).stride(),
    lambda t: t.scalar_tensor(3), lambda t: t.scalar_tensor(2, dtype=t.int64),
    # counted
    lambda t: [t.arange(5), t.arange(5.0), t.arange(1, 4), t.arange(1, 2, 0.25), t.arange(5, 0, -2), t.arange(0), t.arange(3, dtype=t.float16), t.arange(1.5, 4), t.arange(0, 1, 0.1), t.arange(t.tensor(3))],
    lambda t: [t.linspace(0, 1, 5), t.linspace(-1, 1, 4), t.linspace(3, 3, 2), t.linspace(0, 1, 1), t.linspace(0, 1, 0), t.linspace(0, 10, 7, dtype=t.float64), t.linspace(5, -5, 11)],
    lambda t: [t.logspace(0, 2, 3), t.logspace(0, 3, 4, base=2)],
    lambda t: [t.tril_indices(3, 4), t.triu_indices(3, 3, 1), t.tril_indices(2, 2, -1)],
    lambda t: [t.vander(t.tensor([1.0, 2, 3])), t.vander(t.tensor([2, 3]), 4, True)],
    lambda t: [t.meshgrid(t.tensor([1, 2]), t.tensor([3, 4, 5]), indexing=i) for i in ("ij", "xy")],
    lambda t: [t.is_tensor(t.zeros(1)), t.is_tensor([1]), t.numel(t.zeros(2, 3)), t.zeros(2, 3).nelement(), t.zeros(2, 3).element_size(), t.zeros(2, 3).nbytes, t.is_floating_point(t.zeros(1))],
    # what a tensor is
    lambda t: [(x.shape, x.ndim, x.dim(), x.size(), x.numel(), x.stride(), x.is_contiguous()) for x in (t.zeros(2, 3), t.zeros(3, 2).t(), t.zeros(()), t.zeros(2, 1, 3)[:, 0], t.zeros(1).expand(3))],
    lambda t: [t.zeros(2, 3).size(1), t.zeros(2, 3).size(-1), t.zeros(2, 3).stride(0), len(t.zeros(2, 3)), t.zeros(2, 3).shape[1:], t.zeros(2, 3).shape.numel(), list(t.zeros(2, 3).shape)],
    lambda t: [t.zeros(2).is_leaf, t.zeros(2).device.type, str(t.zeros(2).device), t.zeros(2).is_floating_point(), t.zeros(2).is_complex(), t.zeros(2).is_signed(), t.zeros(2).is_cuda],
    # to Python
    lambda t: [t.tensor(x).item() for x in (3, 2.5, True, [[4]], 1 + 2j)] + [t.tensor([1.5], dtype=t.bfloat16).item(), t.tensor(0.1, dtype=t.float16).item()],
    lambda t: [t.tensor(x).tolist() for x in (3, [1, 2], [[1.5]], [True], [], [[], []])] + [t.tensor([0.1], dtype=t.bfloat16).tolist()],
    lambda t: [float(t.tensor(2)), int(t.tensor(2.7)), bool(t.tensor([0.0])), complex(t.tensor(2.0)), [10, 20, 30][t.tensor(1)], range(t.tensor(3))[2], 1.5 in t.tensor([1.5, 2]), 7 in t.tensor([1])],
    lambda t: [x.item() for x in t.tensor([1, 2, 3])], lambda t: [row.tolist() for row in t.tensor([[1, 2], [3, 4]])], lambda t: max(t.tensor([1, 5, 3])).item(), lambda t: sum(t.tensor([1, 5, 3])).item(),
    lambda t: [t.ones(2, dtype=d).numpy().dtype.name for d in (t.float32, t.float64, t.float16, t.int64, t.uint8, t.bool)],
    lambda t: t.ones(2, requires_grad=True).numpy(force=True).tolist(), lambda t: f"{t.tensor(3.14159):.2f} {t.tensor(3)} {t.tensor(7):>4d}",
    lambda t: copy.deepcopy(t.ones(2, requires_grad=True)), lambda t: pickle.loads(pickle.dumps(t.arange(4.0).reshape(2, 2).t())), lambda t: copy.copy(t.ones(2)),
    lambda t: t.asarray([1.0, 2]), lambda t: t.as_tensor([1, 2], dtype=t.float32), lambda t: t.frombuffer(bytearray(b"\x01\x02\x03"), dtype=t.uint8), lambda t: t.frombuffer(bytearray(8), dtype=t.float32, count=1, offset=4),
    lambda t: t.frombuffer(bytearray(b"\x01\x02\x03"), dtype=t.uint8).as_strided((2, 2), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_agrees_with_pytorch(program):
    expected = agree(program)
    assert not isinstance(expected, Raised), expected


ERRORS = [
    # sizes that aren't whole: of layers too, since 3 / 2 is 1.5
    lambda t: t.zeros(1.5), lambda t: t.zeros(2, 1.5), lambda t: t.ones((2, 3.0)), lambda t: t.empty([1.5]), lambda t: t.zeros(2, "a"), lambda t: t.zeros("a"), lambda t: t.ones(2, None), lambda t: t.zeros(2.0, 3),
    lambda t: t.nn.Linear(3, 3 / 2), lambda t: t.nn.Embedding(2.5, 3), lambda t: t.nn.Bilinear(2, 2, 1.5), lambda t: t.full((2, 1.5), 1), lambda t: t.ones(1).new_zeros(1.5), lambda t: t.rand(2, 1.5), lambda t: t.randn((2, 3.0)), lambda t: t.zeros(numpy.float32(2)), lambda t: t.randint(0, 2, (2, 1.5)),
    lambda t: t.ones(4).view(2, 2.0), lambda t: t.ones(4).reshape(2.0), lambda t: t.ones(4).reshape(2, 2.0), lambda t: t.ones(4).repeat(2.0), lambda t: t.ones(4).permute(0.0), lambda t: t.nn.Linear(2.5, 3),
    lambda t: t.tensor([[1, 2], [3]]), lambda t: t.tensor([1, [2]]), lambda t: t.tensor("abc"), lambda t: t.tensor([None]), lambda t: t.tensor({}), lambda t: t.tensor([1], requires_grad=True),
    lambda t: t.tensor(b"ab"), lambda t: t.tensor({1, 2}), lambda t: t.tensor(i for i in range(2)),
    lambda t: t.zeros(-1), lambda t: t.zeros(2, -3), lambda t: t.arange(0, 5, 0), lambda t: t.arange(0, 5, -1), lambda t: t.linspace(0, 1, -1), lambda t: t.tensor([1, 2]).item(), lambda t: t.tensor([]).item(),
    lambda t: int(t.tensor([1, 2])), lambda t: len(t.tensor(1)), lambda t: iter(t.tensor(1)), lambda t: [1, 2][t.tensor(1.0)], lambda t: t.from_numpy([1]), lambda t: t.from_numpy(numpy.zeros(2)[::-1]),
    lambda t: bool(t.tensor([])), lambda t: bool(t.tensor([1, 2])), lambda t: t.ones(2, requires_grad=True).numpy(), lambda t: t.ones(2, dtype=t.bfloat16).numpy(),
    lambda t: t.zeros(2, 3).size(2), lambda t: copy.deepcopy(t.ones(2, requires_grad=True) * 2), lambda t: t.eye(-1), lambda t: t.full((2,), None),
]  # fmt: skip


@pytest.mark.parametrize("program", ERRORS)
def test_errors_are_pytorch_s(program):
    assert isinstance(agree(program), Raised)


def test_what_is_shared():
    def program(t):
        a = numpy.arange(3.0)
        shared = [t.from_numpy(a), t.as_tensor(a), t.asarray(a), t.from_numpy(a[1:])]
        copied = [t.tensor(a), t.as_tensor(a, dtype=t.float32), t.asarray(a, copy=True)]
        a += 10
        x = t.zeros(2)
        same = t.as_tensor(x) is x
        x.numpy()[0] = 7
        return (
            shared,
            copied,
            same,
            x,
            t.tensor(x.numpy()),
            t.from_numpy(numpy.ones((2, 3)).T).stride(),
            t.as_tensor(x).data_ptr() == x.data_ptr(),
        )

    agree(program)


def test_dlpack_both_ways():
    ours = minitorch.arange(6.0).reshape(2, 3)
    theirs = torch.from_dlpack(ours)
    theirs[0, 0] = 9
    assert ours[0, 0].item() == 9 and theirs.tolist() == ours.tolist()
    back = minitorch.from_dlpack(torch.arange(4, dtype=torch.int32))
    assert back.tolist() == [0, 1, 2, 3] and back.dtype is minitorch.int32
    array = numpy.from_dlpack(ours)
    array[1, 1] = -1
    assert ours[1, 1].item() == -1 and ours.__dlpack_device__() == tuple(torch.zeros(1).__dlpack_device__())
    source = numpy.zeros(3)
    minitorch.from_dlpack(source).add_(1)
    assert source.tolist() == [1, 1, 1]
    transposed = torch.from_dlpack(ours.t())
    assert transposed.stride() == (1, 3) and transposed.tolist() == ours.t().tolist()


def test_subclasses_of_numbers_and_arrays():
    class Counted(int):
        pass

    assert minitorch.tensor(Counted(3)).dtype is minitorch.int64
    assert (minitorch.ones(2) * numpy.float64(2.5)).dtype is minitorch.float32
    assert (numpy.float64(2.5) * minitorch.ones(2)).tolist() == [2.5, 2.5]
    assert (minitorch.ones(2) + numpy.ones(2)).dtype is minitorch.float64
    assert numpy.asarray(minitorch.ones(2)).tolist() == [1.0, 1.0] and numpy.array(
        minitorch.ones(2), dtype="int64"
    ).tolist() == [1, 1]
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy.str_. The only supported types are"):
        minitorch.from_numpy(numpy.array(["a"]))


def test_tensor_of_a_tensor_is_a_view_with_its_history():
    def program(t):
        w = t.ones(3, requires_grad=True)
        x = w * 2
        seen, doubled = t.Tensor(x), t.Tensor(w.double())
        seen.mul_(3)
        (seen * x).sum().backward()
        plain = t.ones(2)
        t.Tensor(plain).add_(1)
        floats = t.FloatTensor(w)

        class Special(t.Tensor):
            pass

        special, plainer = Special(w * 1), w.as_subclass(Special)
        names = [y.grad_fn.name() for y in (doubled, floats, special, plainer)]
        return w.grad, x, seen, doubled, names, plain, plain._version, type(special).__name__, type(plainer).__name__, floats._base is w

    agree(program)
    same_first_line(lambda t: t.Tensor(t.ones(2, requires_grad=True)).add_(1))
    same_first_line(lambda t: t.nn.Parameter(t.ones(2)).add_(1))


def test_a_parameter_of_one_s_own_class():
    def program(t):
        class Scaled(t.nn.Parameter):
            def __new__(cls, data, scale=1.0):
                made = t.Tensor._make_subclass(cls, data, True)
                made.scale = scale
                return made

        plain = t.ones(2)
        module = t.nn.Module()
        module.weight = Scaled(plain, 3.0)
        (module.weight * module.weight.scale).sum().backward()
        with t.no_grad():
            module.weight[0] = 5
        names = [name for name, _ in module.named_parameters()]
        return plain, names, type(module.weight).__name__, module.weight.is_leaf, module.weight.requires_grad, module.weight.grad

    agree(program)
    same_first_line(lambda t: t.Tensor._make_subclass(int, t.ones(2)))
