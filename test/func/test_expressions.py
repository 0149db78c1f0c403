"""torch.func against PyTorch's: derivatives of functions, and maps over batches."""

import pytest
from oracle import agree, same_first_line

DERIVATIVES = """
f.grad(lambda v: (v * v).sum())(x)
f.grad(f.grad(lambda v: v ** 3))(x[2])
f.grad(f.grad(f.grad(lambda v: v.sin())))(x[1])
f.grad(lambda a, b: (a * b * b).sum(), argnums=1)(x, x + 1)
f.grad(lambda a, b: (a * b * b).sum(), argnums=(0, 1))(x, x + 1)
f.grad(lambda p, v: (p['w'] * v + p['b']).square().sum())({'w': x, 'b': x[0]}, x + 1)
f.grad(lambda v: ((v * v).sum(), v + 1), has_aux=True)(x)
f.grad(lambda v: t.ones(()) * 2)(x)
f.grad_and_value(lambda v: (v * v).sum())(x)
f.jacrev(lambda v: v * v)(x)
f.jacrev(lambda v: (v * v, v.sum()))(x)
f.jacrev(lambda a, b: a * b, argnums=(0, 1))(x, x + 1)
f.jacrev(lambda v: (v * v, v + 1), has_aux=True)(x)
f.jacrev(f.jacrev(lambda v: v ** 3))(x)
f.jacfwd(lambda v: v.cos())(x)
f.hessian(lambda v: (v ** 3).sum())(x)
f.hessian(lambda v: (v[0] * v[1] * v[2]))(x)
f.vjp(lambda v: v * v, x)[1](x + 1)
f.vjp(lambda v: v * v, x)[0]
f.vjp(lambda a, b: a * b, x, x + 1)[1](x)
f.vjp(lambda v: (v * v, v + 1), x, has_aux=True)[2]
f.jvp(lambda v: v * v, (x,), (x + 1,))
f.jvp(lambda a, b: a * b, (x, x + 1), (x, x))
f.jvp(lambda v: (v.sin(), v.cos()), (x,), (x,))
f.vmap(f.grad(lambda v: (v * v).sum()))(m)
f.vmap(f.jacrev(lambda v: v * v))(m)
f.grad(lambda v: f.vmap(lambda r: (r * v).sum())(m).sum())(x)
""".strip().splitlines()
MAPS = """
f.vmap(lambda v: v * 2)(x)
f.vmap(lambda v: v.sum())(m)
f.vmap(t.dot)(m, m)
f.vmap(t.dot, in_dims=(0, None))(m, x)
f.vmap(t.mul, in_dims=(1, 1), out_dims=1)(m, m)
f.vmap(lambda v: (v, {'a': v + 1}), out_dims=1)(t.ones(2, 3, 4))
f.vmap(lambda p: p['a'] + p['b'], in_dims=({'a': 0, 'b': None},))({'a': m, 'b': x})
f.vmap(f.vmap(t.dot, in_dims=(None, 0)), in_dims=(0, None))(m, m)
f.vmap(lambda v, k: v + k)(m, k=m)
f.vmap(lambda v: v + t.ones(3), randomness='different')(m)
t.vmap(t.sum)(m)
""".strip().splitlines()
ERRORS = """
f.grad(lambda v: v * v)(x)
f.vmap(lambda v: v.sum(), in_dims=5)(x)
f.vmap(lambda v: v * 2)(3)
f.vmap(lambda v, w: v * 2)(x, m)
f.vmap(lambda v: 3)(x)
f.vmap(lambda v: v, randomness='some')(x)
""".strip().splitlines()


def scope(t):
    return {"t": t, "f": t.func, "x": t.arange(3.0), "m": t.arange(6.0).reshape(2, 3)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("text", DERIVATIVES + MAPS)
def test_as_in_pytorch(text):
    def program(t):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's of its own use of TorchScript
            return eval(text, scope(t))

    agree(program)


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text):
    same_first_line(lambda t: eval(text, scope(t)))


def test_an_ensemble():
    def program(t):
        t.manual_seed(0)
        models = [t.nn.Linear(3, 2) for _ in range(3)]
        params, buffers = t.func.stack_module_state(models)
        call = lambda p, b, v: t.func.functional_call(models[0], (p, b), (v,))  # noqa: E731
        return t.func.vmap(call, in_dims=(0, 0, None))(params, buffers, t.ones(2, 3))

    agree(program)


def test_per_sample_gradients():
    def program(t):
        t.manual_seed(0)
        model = t.nn.Linear(3, 2)
        params = {name: p.detach() for name, p in model.named_parameters()}

        def loss(p, v, y):
            return t.nn.functional.mse_loss(t.func.functional_call(model, p, (v.unsqueeze(0),)), y.unsqueeze(0))

        return t.func.vmap(t.func.grad(loss), in_dims=(None, 0, 0))(params, t.arange(6.0).reshape(2, 3), t.ones(2, 2))

    agree(program)
