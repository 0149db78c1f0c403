"""What PyTorch's build for the CPU says about GPUs, we say: results, exceptions and warnings."""

import pytest
from oracle import agree

CUDA = """
is_available() device_count() manual_seed(1) manual_seed_all(1) seed() seed_all() initial_seed() synchronize() current_device()
set_device(0) set_device(-1) set_device('cuda:0') empty_cache() ipc_collect() max_memory_allocated() memory_allocated()
memory_reserved() max_memory_reserved() memory_cached() memory_stats() memory_summary() memory_snapshot() mem_get_info()
reset_peak_memory_stats() reset_max_memory_allocated() reset_accumulated_memory_stats() get_device_name() get_device_name(0)
get_device_capability() get_device_properties(0) Event() Event(enable_timing=True) Stream() stream(None).__enter__()
current_stream() default_stream() is_bf16_supported() is_initialized() init() device(0).__enter__() get_rng_state()
get_rng_state_all() set_rng_state(t.ones(1)) set_rng_state_all([]) get_arch_list() is_current_stream_capturing() FloatTensor(2)
FloatTensor.__name__ FloatTensor.__module__ isinstance(t.ones(1),t.cuda.FloatTensor) nvtx.range_push('a') nvtx.range_pop()
cudart() can_device_access_peer(0,1) get_gencode_flags() CUDAGraph() set_per_process_memory_fraction(0.5) default_generators
set_sync_debug_mode(0) set_stream(None) is_tf32_supported() has_half OutOfMemoryError.__base__ OutOfMemoryError.__name__
""".split()
OTHERS = """
t.mps.is_available() t.mps.synchronize() t.mps.manual_seed(1) t.mps.empty_cache() t.mps.device_count()
t.xpu.is_available() t.xpu.synchronize() t.xpu.device_count() t.accelerator.is_available()
t.accelerator.current_accelerator() t.accelerator.device_count() t.accelerator.set_device_index(0)
t.accelerator.synchronize() t.accelerator.current_device_index() t.cpu.is_available() t.cpu.synchronize()
t.cpu.device_count() t.cpu.current_device() t.ones(1).cuda() t.ones(1).to('cuda') t.ones(1).to('mps')
t.zeros(2,device='cuda:1') t.nn.Linear(1,1).cuda() t.device('foo') str(t.device('mps')) str(t.device('xpu:1'))
t.device('cuda:a') t.ones(1).is_cpu t.ones(1).is_mps t.ones(1).is_xpu t.ones(1).get_device() t.ones(1).is_pinned()
t.get_device(t.ones(1))
""".split()


@pytest.mark.parametrize("text", [f"t.cuda.{text}" if not text.startswith("isinstance") else text for text in CUDA] + OTHERS)
def test_as_pytorch_without_a_gpu(text):
    agree(lambda t: eval(text, {"t": t}))


def test_blocks_that_need_none():
    def program(t):
        with t.cuda.device_of(t.ones(1)), t.cuda.stream(None), t.cpu.stream(None):
            return t.ones(1) + 1

    agree(program)
