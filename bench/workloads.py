"""What is timed: ordinary PyTorch programs. ``torch`` is PyTorch or minitorch, and nothing here knows which.

``build(torch)`` sets the seed, makes data and model, and returns ``step()``, which does the work once and returns
the loss (or None). Training data are 32 batches taken in turn, so that a long run can't learn them by heart.
"""

from typing import NamedTuple

BATCHES = 32


class Workload(NamedTuple):
    build: object
    operations: int = 1  # how many times a step does what the row's time is about
    goal: float | None = None  # the speed over PyTorch's eager mode that we promise


# ---------------------------------------------------------------------------------------------------------
# One small operation

REPEATS = 100


def operation(apply, requires_grad):
    """The cost of one call on 4x4 matrices; with gradients the graph is recorded, but not walked."""

    def build(torch):
        torch.manual_seed(0)
        x, y = torch.rand(4, 4, requires_grad=requires_grad), torch.rand(4, 4)

        def step():
            for _ in range(REPEATS):
                apply(x, y)

        return step

    return build


def chain(torch):
    """A chain of products, forward and backward."""
    torch.manual_seed(0)
    x, y = torch.rand(4, 4, requires_grad=True), torch.rand(4, 4) + 0.5

    def step():
        z = x
        for _ in range(REPEATS):
            z = z * y
        z.sum().backward()
        x.grad = None

    return step


# ---------------------------------------------------------------------------------------------------------
# Training steps

class Training:
    """A step, and the batches that it takes in turn. ``function(x, y)`` is one step on a batch: what gets compiled."""

    def __init__(self, model, function, inputs, targets):
        size = len(inputs) // BATCHES
        self.model, self.function, self.count = model, function, 0
        self.batches = list(zip(inputs.split(size), targets.split(size), strict=True))

    def __call__(self):
        x, y = self.batches[self.count % BATCHES]
        self.count += 1
        return self.function(x, y)


def training(torch, model, optimizer, loss_of, inputs, targets):
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(model, step, inputs, targets)


def tiny_mlp(optimizer_name, lr, batch=32):
    """2-16-16-1 on small batches: all overhead, hardly any arithmetic."""

    def build(torch):
        torch.manual_seed(0)
        nn = torch.nn
        model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
        optimizer = getattr(torch.optim, optimizer_name)(model.parameters(), lr=lr)

        inputs = torch.randn(BATCHES * batch, 2)
        targets = (inputs * inputs).sum(1, keepdim=True) + 0.1 * torch.randn(BATCHES * batch, 1)
        return training(torch, model, optimizer, nn.MSELoss(), inputs, targets)

    return build


def mnist_mlp(torch):
    """784-256-10 with Adam on batches of 128."""
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    inputs = torch.rand(BATCHES * 128, 784)
    targets = torch.randint(0, 10, (BATCHES * 128,))
    return training(torch, model, optimizer, nn.CrossEntropyLoss(), inputs, targets)


def classic_cnn(torch):
    """PyTorch's classic MNIST network, without its dropout."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def mnist_cnn(torch):
    """The same with Adam on batches of 64."""
    torch.manual_seed(0)
    nn, model = torch.nn, classic_cnn(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    inputs = torch.rand(BATCHES * 64, 1, 28, 28)
    targets = torch.randint(0, 10, (BATCHES * 64,))
    return training(torch, model, optimizer, nn.CrossEntropyLoss(), inputs, targets)


def add(x, y):
    return x + y


def mul(x, y):
    return x * y


def matmul(x, y):
    return x @ y


WORKLOADS = {
    "add 4x4": Workload(operation(add, requires_grad=False), REPEATS),
    "add 4x4, recorded": Workload(operation(add, requires_grad=True), REPEATS),
    "mul 4x4": Workload(operation(mul, requires_grad=False), REPEATS),
    "mul 4x4, recorded": Workload(operation(mul, requires_grad=True), REPEATS),
    "matmul 4x4": Workload(operation(matmul, requires_grad=False), REPEATS),
    "matmul 4x4, recorded": Workload(operation(matmul, requires_grad=True), REPEATS),
    "mul 4x4, forward + backward": Workload(chain, REPEATS),
    "MLP 2-16-16-1, SGD": Workload(tiny_mlp("SGD", lr=0.05), goal=3.0),
    "MLP 2-16-16-1, Adam": Workload(tiny_mlp("Adam", lr=0.01), goal=3.0),
    "MLP 784-256-10, Adam": Workload(mnist_mlp, goal=1.0),
    "MNIST CNN, Adam": Workload(mnist_cnn, goal=0.7),
}
