"""What a trainer is given, and what it says of its course.

A trainer is a function of a ``Course``: it builds a model with ``c.torch``, which is this library or PyTorch, lets ``c.compile``
have its step, notes each loss by ``c.note`` and says at the end what else must be the same, by ``c.keep``.
"""

__all__ = ["Course", "STEPS", "TRAINERS", "trainer"]

STEPS = 20
TRAINERS: dict = {}


def trainer(function):
    TRAINERS[function.__name__] = function
    return function


class Course:
    """One run.   losses: as they came; kept: tensors, by name; compiled: the functions that were."""

    def __init__(self, torch, compiles=False):
        self.torch, self.nn, self.F, self.optim, self.compiles = torch, torch.nn, torch.nn.functional, torch.optim, compiles
        self.losses, self.kept, self.compiled = [], {}, []
        torch.manual_seed(7)

    def compile(self, function):
        """As ``torch.compile``, or the function itself."""
        if not self.compiles:
            return function
        self.compiled.append(self.torch.compile(function))
        return self.compiled[-1]

    def note(self, *losses):
        self.losses += [x.item() if isinstance(x, self.torch.Tensor) else float(x) for x in losses]

    def keep(self, **things):
        """Tensors, modules, or lists of such: all that they hold is compared."""
        for name, x in things.items():
            if isinstance(x, self.nn.Module):
                self.keep(**{f"{name}.{key}": value for key, value in x.state_dict().items()})
            elif isinstance(x, (list, tuple)):
                self.keep(**{f"{name}[{k}]": value for k, value in enumerate(x)})
            elif isinstance(x, self.torch.Tensor):
                self.kept[name] = x.detach().clone()

    def end(self):
        """Numbers by name: what was kept, and where the generator stands."""
        wide = {name: x.resolve_conj().to(self.torch.complex128 if x.is_complex() else self.torch.float64) for name, x in self.kept.items()}
        return {name: x.numpy() for name, x in wide.items()} | {"generator": self.torch.get_rng_state().double().numpy()}

    # ------------------------------------------------------------------------------------------------------ what many use

    def network(self, inputs=6, hidden=16, outputs=3):
        nn = self.nn
        return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def batches(self, count=5, size=16, inputs=6, classes=3):
        """[(examples, classes)]"""
        return [(self.torch.randn(size, inputs), self.torch.randint(0, classes, (size,))) for _ in range(count)]
