"""The inner paths that programs import from by habit lead to what is here."""

import importlib
import subprocess
import sys

import pytest
from oracle import agree

PATHS = [
    "_dynamo.config", "_inductor.config", "_tensor.Tensor", "_utils._flatten_dense_tensors", "functional.einsum", "autograd.variable.Variable",
    "autograd.grad_mode.no_grad", "autograd.function.InplaceFunction", "cuda.amp.grad_scaler.GradScaler", "cuda.amp.autocast_mode.autocast",
    "cuda.memory.memory_allocated", "cuda.random.manual_seed", "utils.data._utils.collate.default_collate", "utils.data._utils.worker.get_worker_info",
    "utils.data._utils.worker.WorkerInfo", "utils.model_zoo.load_url", "utils._pytree.tree_map", "nn.modules.transformer._get_clones",
    "nn.modules.transformer._get_activation_fn", "nn.init._no_grad_trunc_normal_", "nn.init._calculate_correct_fan", "hub.load_state_dict_from_url",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("library", ["torch", "minitorch"])
def test_a_path_that_programs_import_from(library, path):
    module, name = f"{library}.{path}".rsplit(".", 1)
    assert hasattr(importlib.import_module(module), name)


def test_a_path_is_an_import_statement_too():
    lines = "import minitorch.utils.data._utils.collate, minitorch.autograd.variable\nfrom minitorch.cuda.amp.grad_scaler import GradScaler\n"
    lines += "import minitorch as torch\ntorch._dynamo.config.suppress_errors = True\nassert torch.utils.data._utils.collate.default_collate"
    subprocess.run([sys.executable, "-c", lines], check=True)


def test_cuda_s_path_has_cuda_s_scaler():
    from minitorch.cuda.amp import GradScaler, grad_scaler

    assert grad_scaler.GradScaler is GradScaler
    with pytest.raises(AttributeError, match="module 'torch.cuda.amp.grad_scaler' has no attribute 'Nothing'"):
        grad_scaler.Nothing  # noqa: B018


TREE = [
    lambda t, tree: tree.tree_map(lambda x: x + 1, {"a": 1, "b": [2, (3, 4)]}), lambda t, tree: tree.tree_map(lambda x, y: x + y, [1, (2,)], [10, (20,)]), lambda t, tree: tree.tree_leaves(({"a": 1}, [2])),
    lambda t, tree: tree.tree_unflatten([5, 6, 7], tree.tree_flatten([1, {"k": (2, 3)}])[1]), lambda t, tree: tree.tree_map_only(int, lambda x: -x, [1, "a", 2.0]),
    lambda t, tree: (lambda xs: (lambda row: [row, *importlib.import_module(f"{t.__name__}._utils")._unflatten_dense_tensors(row * 2, xs)])(importlib.import_module(f"{t.__name__}._utils")._flatten_dense_tensors(xs)))([t.ones(2, 2), t.arange(3.0)]),
    lambda t, tree: t._assert(t.tensor(True), "no"), lambda t, tree: t._assert(1 > 2, "two is more"), lambda t, tree: [t.nn.init._calculate_correct_fan(t.empty(3, 4, 2), mode) for mode in ("fan_in", "fan_out")],
]  # fmt: skip


@pytest.mark.parametrize("program", TREE)
def test_what_stands_there(program):
    agree(lambda t: program(t, importlib.import_module(f"{t.__name__}.utils._pytree")))

