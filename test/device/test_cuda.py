"""``torch.cuda`` and the rules of devices: what PyTorch does on a machine with a GPU.

PyTorch itself isn't asked: its build here is the one for the CPU. What is expected is in its documentation.
"""

import copy
import gc
import io
import pickle
import sys

import numpy
import pytest

import minitorch as t
from minitorch import nn

MIXED = "Expected all tensors to be on the same device, but found at least two devices, {} and {}!"


def first_line(program, kind=RuntimeError):
    with pytest.raises(kind) as caught:
        program()
    return str(caught.value).partition("\n")[0]


# --------------------------------------------------------------------------------------------------------------- places


def test_every_way_there_and_back(device):
    x = t.arange(6.0).reshape(2, 3)
    for there in (x.cuda(), x.cuda(0), x.to(device), x.to("cuda:0"), x.to(t.device("cuda", 0)), x.to(x.cuda()), x.to("cuda", t.float32, True)):
        assert there.is_cuda and str(there.device) == "cuda:0" and there.get_device() == 0
        assert there.cpu().equal(x) and there.to("cpu").device.type == "cpu" and there.to(device) is there
    assert x.to(device, t.int64).dtype is t.int64 and x.to(device, copy=True).is_cuda and x.type("torch.cuda.LongTensor").is_cuda
    assert x.cuda().type() == "torch.cuda.FloatTensor" and isinstance(x.cuda(), t.cuda.FloatTensor)
    assert t.cuda.FloatTensor([1.0, 2.0]).is_cuda and x.cuda().clone().is_cuda and t.as_tensor(x, device=device).is_cuda


FACTORIES = """
t.tensor([1,2],device=d) t.zeros(2,device=d) t.ones(2,device=d) t.full((2,),3,device=d) t.empty(2,device=d) t.eye(2,device=d)
t.arange(3,device=d) t.linspace(0,1,3,device=d) t.logspace(0,1,3,device=d) t.rand(2,device=d) t.randn(2,device=d) t.randperm(3,device=d)
t.randint(3,(2,),device=d) t.tril_indices(2,2,device=d) t.hann_window(4,device=d) t.scalar_tensor(1.0,device=d) t.empty_strided((2,),(1,),device=d)
x.new_zeros(2) x.new_ones(2) x.new_full((2,),1) x.new_empty(2) x.new_tensor([1.0]) t.zeros_like(x) t.ones_like(x) t.full_like(x,2)
t.empty_like(x) t.rand_like(x) t.randn_like(x) t.randint_like(x,3) x.clone() x.detach() x.new([1.0]) x.new(2) t.normal(x,x.abs())
t.fft.fftfreq(3,device=d) t.zeros_like(t.ones(2),device=d) t.ones(2).new_zeros(2,device=d) x.bernoulli(0.5) x.multinomial(1)
x.double().half().bfloat16().float() x.to("cpu").to(d) x[0] x[[0]] x[x>0] x.sort()[0] x.topk(1)[1] x.max(0)[1] x.unique()
""".split()


@pytest.mark.parametrize("text", FACTORIES)
def test_what_is_made_there_is_there(text, device):
    assert eval(text, {"t": t, "d": device, "x": t.rand(3, device=device)}).is_cuda


def test_the_default_device(device):
    with t.device(device):
        assert t.ones(2).is_cuda and t.tensor([1.0]).is_cuda and nn.Linear(2, 2).weight.is_cuda
        assert t.as_tensor(numpy.ones(2)).is_cuda and t.from_numpy(numpy.ones(2)).is_cpu
    assert t.ones(2).is_cpu
    t.set_default_device(device)
    try:
        assert t.rand(2).is_cuda and t.zeros(2, device="cpu").is_cpu
    finally:
        t.set_default_device(None)


def test_mixed_devices(device):
    x, y = t.ones(2, 2, device=device), t.ones(2, 2)
    assert first_line(lambda: x + y) == MIXED.format("cuda:0", "cpu")
    assert first_line(lambda: y + x) == MIXED.format("cpu", "cuda:0")
    for program in (lambda: x @ y, lambda: y @ x, lambda: x.add_(y), lambda: t.cat([x, y]), lambda: t.where(x > 0, x, y), lambda: y * x[0, 0],
                    lambda: x.gather(0, t.zeros(1, 2, dtype=t.int64)), lambda: nn.functional.linear(x, y)):  # fmt: skip
        assert first_line(program).startswith("Expected all tensors to be on the same device, but found at least two devices")


def test_a_number_of_the_cpu_s_goes_along(device):
    x, number = t.ones(2, device=device, requires_grad=True), t.tensor(3.0, requires_grad=True)
    for y in (x * number, number * x, x.mul(number), t.where(x > 0, x, number)):
        assert y.is_cuda
    (x * number).sum().backward()
    assert x.grad.is_cuda and number.grad.is_cpu and number.grad == 2
    assert (x.detach().add_(t.tensor(1))).is_cuda and x[t.tensor([1, 0])].is_cuda and x.detach()[t.tensor([True, False])].shape == (1,)
    y = t.zeros(3, device=device)
    y[t.tensor([0, 2])] = t.tensor(5.0)
    assert y.tolist() == [5, 0, 5]


def test_gradients_go_back_to_where_they_came_from(device):
    x = t.ones(3, requires_grad=True)
    y = (x.to(device) * 2).cpu().sum()
    y.backward()
    assert x.grad.is_cpu and x.grad.tolist() == [2, 2, 2]
    for _ in range(70):  # more often than a graph has to come to be replayed
        x.grad = None
        ((x.to(device) * 2).cpu() * 3).sum().backward()
    assert x.grad.tolist() == [6, 6, 6]
    assert first_line(lambda: setattr(x, "grad", t.ones(3, device=device))) == "assigned grad has data located on a different device"


def test_the_same_function_runs_on_both_devices_in_turn(device):
    """What was written down for one device isn't replayed on the other."""
    weight = {d: t.ones(4, 4, device=d, requires_grad=True) for d in ("cpu", device)}
    optimizers = {d: t.optim.Adam([w], lr=0.1) for d, w in weight.items()}
    for _ in range(80):
        for d, w in weight.items():
            optimizers[d].zero_grad()
            (t.ones(2, 4, device=d) @ w).tanh().square().mean().backward()
            optimizers[d].step()
    assert weight["cpu"].allclose(weight[device].cpu(), atol=1e-5) and weight[device].is_cuda


def test_printed(device):
    assert repr(t.tensor([1.0, 2.0], device=device)) == "tensor([1., 2.], device='cuda:0')"
    assert repr(t.ones(1, device=device, requires_grad=True) * 2) == "tensor([2.], device='cuda:0', grad_fn=<MulBackward0>)"
    assert f"{t.tensor(1.5, device=device):.2f}" == "1.50" and t.tensor(2, device=device).item() == 2


def test_numpy_is_refused(device):
    x = t.ones(2, device=device)
    text = "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    for program in (x.numpy, lambda: numpy.asarray(x)):
        assert first_line(program, TypeError) == text
    assert x.numpy(force=True).tolist() == [1, 1] and x.tolist() == [1, 1]


def test_views_share_memory(device):
    x = t.zeros(2, 3, device=device)
    x[0].add_(1)
    x.t()[1, 1] = 5
    x.expand(2, 2, 3)
    assert x.tolist() == [[1, 1, 1], [0, 5, 0]] and x.view(-1)._base is x and x._version == 2
    assert x[1].storage_offset() == 3 and x[1].untyped_storage().nbytes() == 24 and x.untyped_storage().is_cuda
    assert x.as_strided((2, 2), (1, 1), 1).tolist() == [[1, 1], [1, 0]] and x.unfold(1, 2, 1).shape == (2, 2, 2)
    assert t.from_dlpack(x).is_cuda and x.data_ptr() == t.from_dlpack(x).data_ptr()


def test_files(device):
    x = t.arange(6.0, device=device).reshape(2, 3)
    for kwargs in ({}, {"_use_new_zipfile_serialization": False}):
        file = io.BytesIO()
        t.save({"x": x, "row": x[1]}, file, **kwargs)
        for where, kind in ((None, "cuda"), ("cpu", "cpu"), (device, "cuda"), ({"cuda:0": "cpu"}, "cpu")):
            file.seek(0)
            found = t.load(file, map_location=where)
            assert found["x"].device.type == kind and found["x"].tolist() == x.tolist() and found["row"].tolist() == x[1].tolist()
    assert pickle.loads(pickle.dumps(x)).is_cuda and copy.deepcopy(x).is_cuda


# -------------------------------------------------------------------------------------------------------------- modules


def test_a_module_and_its_optimizer(device):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).to(device)
    assert all(x.is_cuda for x in [*model.parameters(), *model.buffers()])
    optimizer = t.optim.Adam(model.parameters())
    x, y = t.randn(5, 3, device=device), t.tensor([0, 1, 0, 1, 1], device=device)
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    state = optimizer.state[model[0].weight]
    assert state["exp_avg"].is_cuda and state["step"].is_cpu
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    model.load_state_dict({name: x.cpu() for name, x in model.state_dict().items()})
    assert model[0].weight.is_cuda and optimizer.state[model[0].weight]["exp_avg"].is_cuda
    assert model.cpu()[0].weight.is_cpu and model.cuda()[0].weight.is_cuda


def test_a_step_sends_nothing(device):
    """Once all is there, training waits for nothing and moves nothing."""
    t.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LayerNorm(27), nn.Linear(27, 4)).to(device)
    x, y = t.randn(4, 1, 8, 8, device=device), t.tensor([0, 1, 2, 3], device=device)
    for optimizer in (t.optim.SGD(model.parameters(), 0.1, momentum=0.9), t.optim.AdamW(model.parameters())):
        for step in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            if step > 1 and "stand_in" in sys.modules:
                sys.modules["stand_in"].COUNTS.clear()
            optimizer.step()
        if "stand_in" in sys.modules:
            assert not sys.modules["stand_in"].COUNTS


def test_a_loader_pins_its_batches(device):
    data = t.utils.data.TensorDataset(t.arange(6.0).reshape(3, 2))
    batches = [batch.to(device, non_blocking=True) for (batch,) in t.utils.data.DataLoader(data, 2, pin_memory=True)]
    assert [b.shape[0] for b in batches] == [2, 1] and batches[0].is_cuda
    x = t.ones(2, 3)
    assert x.pin_memory().is_pinned() and x.pin_memory()[1:].is_pinned() and x.pin_memory().equal(x) and not x.is_pinned()


# --------------------------------------------------------------------------------------------------------- mixed precision


@pytest.mark.parametrize("dtype", [t.float16, t.bfloat16])
def test_autocast_follows_pytorch_s_list_for_gpus(dtype, device):
    x, w = t.rand(2, 3, device=device) + 0.5, t.rand(4, 3, device=device)
    narrow = x.to(dtype)
    with t.autocast("cuda", dtype=dtype):
        assert t.is_autocast_enabled("cuda") and not t.is_autocast_enabled("cpu")
        for y in (nn.functional.linear(x, w), x @ w.t(), t.mm(x, w.t()), t.einsum("ij,kj->ik", x, w), nn.functional.conv1d(x[None], w[:, :, None].expand(4, 3, 1)[:, :2])):
            assert y.dtype is dtype
        for y in (narrow.exp(), narrow.log(), narrow.pow(2), narrow.sum(), narrow.softmax(-1), narrow.cumsum(0), narrow.reciprocal(), narrow.rsqrt(),
                  nn.functional.layer_norm(narrow, (3,)), nn.functional.mse_loss(narrow, narrow), nn.functional.cross_entropy(narrow, t.tensor([0, 1], device=device)),
                  narrow.prod(), nn.functional.softplus(narrow)):  # fmt: skip
            assert y.dtype is t.float32
        for y in (narrow + narrow, narrow.relu(), narrow.sigmoid(), narrow.tanh(), narrow.max(), narrow.mean()):
            assert y.dtype is dtype
        assert (narrow + x).dtype is t.float32 and (x.double() @ w.t().double()).dtype is t.float64
        assert (t.ones(2, 2) @ t.ones(2, 2)).dtype is t.float32  # the CPU's tensors stay as they are
        with t.autocast("cuda", enabled=False):
            assert (x @ w.t()).dtype is t.float32
        text = first_line(lambda: nn.functional.binary_cross_entropy(x.sigmoid(), x.sigmoid()))
        assert text == "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast."
    assert (x @ w.t()).dtype is t.float32 and not t.is_autocast_enabled("cuda")


LISTED = {
    "a@b torch.mv(a,b[0]) torch.addmv(c[0],a,b[0]) torch.addr(c,a[0],b[0]) torch.linalg.vecdot(a,b) F.linear(a,b)": ("bfloat16", "bfloat16"),
    "torch.tensordot(a,b,1) torch.inner(a,b) a.var() a.std(0) a.nansum() a.nanmean() a.logcumsumexp(0) torch.logaddexp(a,b) F.elu(a) "
    "F.logsigmoid(a) F.rms_norm(a,(4,)) a.mean() a+b torch.maximum(a,b) F.gelu(a) F.batch_norm(a,None,None,training=True)": ("float32", "bfloat16"),
    "a.norm() a.norm(1) a.norm(dim=1) torch.norm(a) a.logsumexp(0) torch.linalg.vector_norm(a) torch.linalg.norm(a) F.normalize(a) a.cumsum(0) "
    "torch.linalg.matrix_norm(a) F.pairwise_distance(a,b) a.sum() a.pow(2) a.exp() a.rsqrt() F.softplus(a) F.layer_norm(a,(4,)) "
    "F.softmax(a,1) F.mse_loss(a,b) F.cosine_similarity(a,b) a.renorm(2,0,1.0) torch.dist(a,b) torch.cdist(a,b)": ("float32", "float32"),
}  # fmt: skip
"""Expressions, and the dtypes that PyTorch 2.11 gives on a GPU of float32 and of bfloat16, in a block of bfloat16."""


@pytest.mark.parametrize("texts", LISTED)
def test_dtypes_under_autocast_are_those_of_pytorch_on_a_gpu(texts, device):
    for dtype, expected in zip((t.float32, t.bfloat16), LISTED[texts]):
        names = {name: (t.rand(4, 4) + 0.5).to(device).to(dtype) for name in "abc"}
        with t.autocast("cuda", dtype=t.bfloat16):
            found = {text: eval(text, {"torch": t, "F": nn.functional, **names}).dtype for text in texts.split()}
        assert {text: x for text, x in found.items() if x is not getattr(t, expected)} == {}


def test_a_scaler(device):
    model = nn.Linear(3, 2).to(device)
    optimizer, scaler = t.optim.SGD(model.parameters(), 0.1), t.amp.GradScaler("cuda", init_scale=1024.0)
    for bad in (False, True):
        with t.autocast("cuda", dtype=t.float16):
            loss = model(t.full((2, 3), float("inf") if bad else 1.0, device=device)).square().mean()
        optimizer.zero_grad()
        before = model.weight.detach().clone()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        assert model.weight.equal(before) is bad and scaler._scale.is_cuda
    assert scaler.get_scale() == 512.0


# ------------------------------------------------------------------------------------------------------------ torch.cuda


def test_what_there_is(device):
    assert t.cuda.is_available() and t.cuda.device_count() >= 1 and t.cuda.current_device() == 0
    properties = t.cuda.get_device_properties(0)
    assert properties.name == t.cuda.get_device_name() and t.cuda.get_device_capability() == (properties.major, properties.minor)
    free, total = t.cuda.mem_get_info()
    assert 0 < free <= total and t.cuda.is_bf16_supported() and t.accelerator.current_accelerator() == t.device("cuda")
    assert first_line(lambda: t.ones(1, device="cuda:99")) == "CUDA error: invalid device ordinal"


def test_memory_is_counted(device):
    x = t.zeros(1 << 10, device=device)
    t.cuda.reset_peak_memory_stats()
    assert t.cuda.max_memory_allocated() >= t.cuda.memory_allocated() >= 0 and t.cuda.memory_reserved() >= 0 and x.is_cuda
    assert "allocated_bytes.all.current" in t.cuda.memory_stats() and "bytes" in t.cuda.memory_summary()
    t.cuda.empty_cache()
    t.cuda.synchronize()


def test_the_peak_of_memory_is_counted_exactly(device, request):
    t.zeros(1, device=device)
    gc.collect()  # what other tests left is let go of now, and not in between
    t.cuda.reset_peak_memory_stats()
    before = t.cuda.memory_allocated()
    x = t.zeros(1 << 20, device=device)
    del x
    if request.node.callspec.params["device"] == "gpu":
        assert t.cuda.memory_allocated() == before and t.cuda.max_memory_allocated() == before + (4 << 20)


def test_a_graph_does_its_work_again(device, request):
    x, w = t.ones(4, device=device), t.ones(4, device=device, requires_grad=True)

    def step():
        w.grad = None
        y = (x * w + 1).square()
        y.sum().backward()
        return y

    step()
    graph = t.cuda.CUDAGraph()
    assert first_line(graph.replay) == "Called CUDAGraph::replay without a preceding successful capture."
    with t.cuda.graph(graph):
        y = step()
    x.fill_(3)
    graph.replay()
    if request.node.callspec.params["device"] == "gpu":
        assert y.tolist() == [16] * 4 and w.grad.tolist() == [24] * 4
    assert not t.cuda.is_current_stream_capturing() and graph.pool() is not None
    graph.reset()


def test_streams_and_events(device):
    start, end, stream = t.cuda.Event(enable_timing=True), t.cuda.Event(enable_timing=True), t.cuda.Stream()
    start.record()
    stream.wait_event(start)  # else the work of another stream may be done before
    with t.cuda.stream(stream), t.cuda.device(0), t.cuda.device_of(t.ones(1, device=device)):
        x = t.ones(3, device=device) * 2
        end.record()
    stream.synchronize()
    t.cuda.current_stream().wait_stream(stream)
    end.synchronize()
    assert start.elapsed_time(end) >= 0 and end.query() and x.tolist() == [2, 2, 2]
    t.cuda.nvtx.range_push("a part")
    t.cuda.nvtx.range_pop()


def test_random_numbers(device):
    t.manual_seed(3)
    first = t.rand(4, device=device)
    t.cuda.manual_seed(3)
    assert t.rand(4, device=device).equal(first) and t.cuda.initial_seed() == 3
    state = t.cuda.get_rng_state()
    second = t.randn(5, device=device)
    t.cuda.set_rng_state(state)
    assert t.randn(5, device=device).equal(second)
    g = t.Generator(device).manual_seed(3)
    assert t.rand(4, generator=g, device=device).equal(first) and len(t.cuda.default_generators) == 1
    assert first_line(lambda: t.rand(2, generator=g)) == "Expected a 'cpu' device type for generator but found 'cuda'"
    with t.random.fork_rng():
        t.rand(3, device=device)
    cpu = t.get_rng_state()
    t.rand(3, device=device)
    assert cpu.equal(t.get_rng_state())


# ------------------------------------------------------------------------------------------ what is made of several rows

COMPOSITES = """
t.linalg.inv(a) t.linalg.solve(a,a[0]) t.linalg.det(a) t.linalg.slogdet(a)[1] t.linalg.cholesky(a@a.mT+e) t.linalg.qr(a)[1] t.linalg.svdvals(a)
t.linalg.eigvalsh(a+a.mT) t.linalg.eigvals(a).abs().sort()[0] t.linalg.lu(a)[2] t.linalg.pinv(a) t.linalg.matrix_exp(a) t.linalg.ldl_factor(a+a.mT)[0]
t.linalg.lstsq(a,a).solution t.linalg.solve_triangular(a.tril()+e,a,upper=False) t.linalg.norm(a,dim=(-2,-1)) t.linalg.matrix_rank(a) t.linalg.cond(a)
F.interpolate(x,scale_factor=2,mode='bilinear') F.interpolate(x,size=(5,3)) F.interpolate(x,scale_factor=1.5,mode='bicubic') F.adaptive_avg_pool2d(x,3)
F.adaptive_max_pool2d(x,3) F.max_pool2d(x,3,2,1) F.avg_pool2d(x,2) F.grid_sample(x,g,align_corners=False) F.unfold(x,3) F.pixel_shuffle(x,2) F.group_norm(x,2)
F.instance_norm(x) F.local_response_norm(x,2) F.scaled_dot_product_attention(x,x,x,is_causal=True) F.embedding(i,x[0,0]) F.one_hot(i,9) F.gelu(x) F.silu(x)
F.pad(x,(1,2,0,1),mode='reflect') F.cosine_similarity(x,x+1) F.ctc_loss(x[0,:,:1].log_softmax(-1),i[i>0],[4],[3],reduction='sum') F.nll_loss(x[0,0].log_softmax(-1),i) F.kl_div(x,x.exp(),reduction='sum')
F.conv_transpose2d(x,x[0,:,None,:3,:3]) x.cumsum(1) x.cumprod(1) x.cummax(-1)[0] x.sort(-1)[1] x.topk(2)[0] x.median(-1)[0] x.kthvalue(2)[0]
x.quantile(0.3) x.std(1) x.var() x.histc(4) x.unique() x.flip(0) x.roll(1,1) x.tril() t.einsum('abcd,abed->ce',x,x) t.tensordot(x,x,2) t.cdist(x[0],x[0])
x.masked_fill(x>0,1) x.masked_select(x>0) t.where(x>0,x,0) x.index_select(1,i%4) x.gather(-1,(x>0).long()) x.scatter_reduce(-1,(x>0).long(),x,'amax') x.logsumexp(-1)
t.fft.fft2(x).abs() t.fft.irfft(t.fft.rfft(x)) t.stft(x[0,0].flatten(),8,window=t.ones(8,device=x.device,dtype=x.dtype),return_complex=True).abs() t.special.i0(x) x.lgamma() t.bucketize(x,x[0,0,0].sort()[0])
nn.utils.rnn.pack_sequence([x[0,0],x[0,1][:2]]).data nn.utils.rnn.pad_sequence([x[0,0],x[0,1][:2]]) t.vander(x[0,0,0]) t.combinations(i) t.cartesian_prod(i,i) t.bincount(i) t.trapezoid(x)
""".split()


@pytest.mark.parametrize("text", COMPOSITES)
def test_composites_are_what_they_are_on_the_cpu(text, device):
    def outcome(place):
        t.manual_seed(5)
        a, x, g = t.randn(2, 3, 3, dtype=t.float64), t.randn(1, 4, 4, 4, dtype=t.float64), t.rand(1, 2, 3, 2, dtype=t.float64)
        named = {"a": a, "x": x, "g": g, "i": t.tensor([1, 3, 0, 2]), "e": 3 * t.eye(3, dtype=t.float64)}
        value = eval(text, {"t": t, "F": nn.functional, "nn": nn, **{name: v.to(place) for name, v in named.items()}})
        assert value.device.type == place
        return value.cpu()

    expected, got = outcome("cpu"), outcome(device)
    assert expected.dtype is got.dtype and expected.shape == got.shape
    assert expected.allclose(got, rtol=1e-9, atol=1e-12, equal_nan=True) if expected.is_floating_point() else expected.equal(got)


LAYERS = {
    "LSTM": lambda: nn.LSTM(4, 3), "GRU": lambda: nn.GRU(4, 3, bidirectional=True), "RNN": lambda: nn.RNN(4, 3),
    "attention": lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), "bilinear": lambda: nn.Linear(4, 2, bias=False),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_and_their_gradients_are_those_of_the_cpu(name, device):
    def outcome(place):
        t.manual_seed(1)
        layer, x = LAYERS[name]().to(place), t.randn(5, 2, 4).to(place).requires_grad_()
        y = layer(x)
        (y[0] if isinstance(y, tuple) else y).square().sum().backward()
        return [x.grad.cpu(), *[p.grad.cpu() for p in layer.parameters()]]

    for expected, got in zip(outcome("cpu"), outcome(device), strict=True):
        assert expected.allclose(got, rtol=1e-4, atol=1e-5)


OPTIMIZERS = {
    "SGD": {"momentum": 0.9}, "Adam": {}, "AdamW": {"amsgrad": True}, "NAdam": {}, "RAdam": {}, "Adagrad": {}, "Adadelta": {}, "Adamax": {},
    "RMSprop": {"momentum": 0.9}, "Rprop": {}, "ASGD": {}, "LBFGS": {},
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_go_the_way_of_the_cpu_s(name, device):
    def outcome(place):
        w = t.tensor([1.0, -2.0, 3.0], device=place, requires_grad=True)
        optimizer = getattr(t.optim, name)([w], **OPTIMIZERS[name])

        def loss():
            optimizer.zero_grad()
            found = (w * w).sum()
            found.backward()
            return found

        for _ in range(5):
            optimizer.step(loss)
        return w.detach().cpu()

    assert outcome("cpu").allclose(outcome(device), rtol=1e-5, atol=1e-6)


# -------------------------------------------------------------------------------------------------------- whole programs


def test_a_part_that_is_run_again_draws_the_same(device):
    x, w = t.ones(64, device=device), t.ones(64, device=device, requires_grad=True)
    y = t.utils.checkpoint.checkpoint(lambda x: nn.functional.dropout(x * w, 0.5), x, use_reentrant=False)
    y.sum().backward()
    assert w.grad.equal(y.detach())
    same = t.vmap(lambda x: t.rand(3, device=device) + x, randomness="same")(t.zeros(4, device=device))
    assert same[0].equal(same[3])
    assert first_line(lambda: t.vmap(lambda x: t.rand(3, device=device) + x)(t.zeros(4, device=device))).startswith("vmap: called random operation")


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.place, self.token, self.head = nn.Embedding(6, 8), nn.Embedding(11, 8), nn.Linear(8, 11)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device)
        h = self.token(x) + self.place(t.arange(x.shape[1], device=x.device))
        return self.head(self.block(h, mask, is_causal=True)).flatten(0, 1)


PROGRAMS = {
    "network": (lambda: nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 4)), lambda: t.randn(8, 6), 8),
    "images": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, stride=2, groups=2),
                              nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)),
        lambda: t.randn(8, 2, 9, 9), 8,
    ),
    "words": (Attention, lambda: t.randint(0, 11, (3, 6)), 18),
}  # fmt: skip
"""By name: a model, its inputs, and how many classes it is asked for. None draws: a GPU's numbers are others."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_training_goes_the_way_of_the_cpu_s(name, device):
    make, inputs, count = PROGRAMS[name]

    def losses(place):
        t.manual_seed(4)
        model, x, y, found = make().to(place), inputs().to(place), t.randint(0, 4, (count,)).to(place), []
        optimizer = t.optim.AdamW(model.parameters(), 0.01)
        schedule = t.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
        t.manual_seed(5)
        for _ in range(6):
            loss = nn.functional.cross_entropy(model(x), y, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            found.append(loss.item())
        return found

    assert losses(device) == pytest.approx(losses("cpu"), rel=1e-4)
