"""AdaptiveLogSoftmaxWithLoss, SyncBatchNorm, DataParallel and the retired layers, against PyTorch."""

import pytest
from oracle import agree


def layer(t, **options):
    t.manual_seed(0)
    return t.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 10, 15], div_value=2.0, **options)


@pytest.mark.parametrize("target", ["[0, 3, 2]", "[0, 4, 9, 10, 14, 15, 19]", "[19]", "7", "0"])
@pytest.mark.parametrize("head_bias", [False, True])
def test_adaptive_softmax(target, head_bias):
    def program(t):
        module, y = layer(t, head_bias=head_bias), t.tensor(eval(target))
        x = t.linspace(-2, 2, 16 * y.numel()).reshape(*y.shape, 16).requires_grad_()
        out = module(x, y)
        out.loss.backward()
        return repr(module), out, x.grad, [p.grad for p in module.parameters()], dict(module.state_dict())

    agree(program)


def test_adaptive_softmax_of_every_class():
    def program(t):
        module, x = layer(t), t.linspace(-30, 30, 16 * 9).reshape(9, 16).sin() * 5
        best = module.predict(x)
        return module.log_prob(x), best, module.predict(x[best < 4]) if bool((best < 4).any()) else None, module.predict(x[best >= 4])

    agree(program)


def test_adaptive_softmax_starts_anew():
    def program(t):
        module = layer(t)
        module.reset_parameters()
        return list(module.parameters())

    agree(program)


@pytest.mark.parametrize(
    "arguments", ["(4, 5, [])", "(4, 5, [0, 2])", "(4, 5, [2, 2])", "(4, 5, [3, 2])", "(4, 5, [2, 5])", "(4, 5, [1.5])"]
)
def test_refused_cutoffs(arguments):
    agree(lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(*eval(arguments)))


@pytest.mark.parametrize(
    "call",
    [
        "(t.zeros(2, 16), t.tensor([0, 20]))", "(t.zeros(2, 16), t.tensor([-1, 2]))", "(t.zeros(2, 16), t.tensor([0]))",
        "(t.zeros(2, 16, 1), t.tensor([0, 1]))", "(t.zeros(1, 16), t.tensor(0))", "(t.zeros(2, 16), t.zeros(2, 1).long())",
    ],
)  # fmt: skip
def test_refused_targets(call):
    agree(lambda t: layer(t)(*eval(call, {"t": t})))


@pytest.mark.parametrize("training", [True, False])
def test_sync_batch_norm_in_one_process(training):
    def program(t):
        t.manual_seed(0)
        module = t.nn.SyncBatchNorm.convert_sync_batchnorm(
            t.nn.Sequential(t.nn.BatchNorm2d(2, momentum=None), t.nn.Sequential(t.nn.BatchNorm2d(2, affine=False)), t.nn.ReLU())
        ).train(training)
        out = module(t.linspace(-1, 2, 24).reshape(2, 2, 2, 3))
        return repr(module), out, dict(module.state_dict())

    agree(program)


@pytest.mark.parametrize("shape", [(3,), (2, 0)])
def test_sync_batch_norm_refuses(shape):
    agree(lambda t: t.nn.SyncBatchNorm(3)(t.zeros(shape)))


def test_data_parallel_is_the_module():
    def program(t):
        t.manual_seed(0)
        module = t.nn.DataParallel(t.nn.Linear(2, 1))
        return repr(module), module(t.ones(3, 2)), dict(module.state_dict()), module.device_ids

    agree(program)


def test_retired_layers_warn():
    def program(t):
        x = t.linspace(-1, 0, 8).reshape(1, 2, 2, 2)
        box = t.nn.Container(a=t.nn.ReLU())
        return repr(box), t.nn.NLLLoss2d()(x, t.zeros(1, 2, 2).long())

    agree(program)
