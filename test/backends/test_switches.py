"""torch.backends: what is asked of it and set in it."""

from importlib.util import find_spec

import pytest
import torch
from oracle import agree

TEXTS = """
t.backends.cudnn.benchmark t.backends.cudnn.deterministic t.backends.cudnn.enabled t.backends.cudnn.allow_tf32
t.backends.cudnn.is_available() t.backends.cudnn.version() t.backends.cudnn.is_acceptable(t.ones(1))
t.backends.mps.is_available() t.backends.mps.is_built() t.backends.cuda.is_built() t.backends.cuda.matmul.allow_tf32
t.backends.cuda.matmul.allow_fp16_reduced_precision_reduction t.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
t.backends.cuda.flash_sdp_enabled() t.backends.cuda.mem_efficient_sdp_enabled() t.backends.cuda.math_sdp_enabled()
t.backends.cuda.cudnn_sdp_enabled() t.backends.cuda.enable_flash_sdp(True) t.backends.mkldnn.enabled
t.backends.opt_einsum.enabled t.backends.opt_einsum.strategy t.backends.opt_einsum.is_available() t.backends.nothing
""".split()


@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text):
    if "opt_einsum" in text and find_spec("opt_einsum"):
        pytest.skip("the package opt_einsum is installed, as with JAX for the bench: PyTorch uses it, and ours doesn't")
    agree(lambda t: eval(text, {"t": t}))


def test_switches_keep_what_they_are_set_to():
    def program(t):
        cudnn, cuda = t.backends.cudnn, t.backends.cuda
        before = cudnn.benchmark, cuda.matmul.allow_tf32
        cudnn.benchmark, cuda.matmul.allow_tf32 = True, True
        seen = [cudnn.benchmark, cuda.matmul.allow_tf32]
        with cudnn.flags(enabled=False, benchmark=False):
            seen += [cudnn.enabled, cudnn.benchmark]
        seen += [cudnn.enabled, cudnn.benchmark]
        cudnn.benchmark, cuda.matmul.allow_tf32 = before
        cuda.enable_flash_sdp(False)
        seen.append(cuda.flash_sdp_enabled())
        with cuda.sdp_kernel(enable_math=False):
            seen += [cuda.flash_sdp_enabled(), cuda.math_sdp_enabled()]
        cuda.enable_flash_sdp(True)
        return seen, cuda.flash_sdp_enabled(), cuda.math_sdp_enabled()

    # PyTorch's own test tools, which conformance tests load, forbid to set these for the rest of the process
    with getattr(torch.backends, "__allow_nonbracketed_mutation")():
        agree(program)


def test_how_exact_products_are_is_one_setting():
    def program(t):
        found, products = [], t.backends.cuda.matmul
        for change in (lambda: t.set_float32_matmul_precision("medium"), lambda: t.set_float32_matmul_precision("highest"),
                       lambda: setattr(products, "allow_tf32", True), lambda: setattr(products, "allow_tf32", False)):  # fmt: skip
            change()
            found.append((products.allow_tf32, t.get_float32_matmul_precision() == "highest"))
        return found

    agree(program)
