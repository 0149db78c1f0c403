"""NumPy against machine code in eager mode, size by size: from where on does it pay?   python bench/crossover.py

One thread, the best of some calls in CPU time, so that others on the machine don't matter much. Microseconds.
``backends/large.py``, ``products.py`` and ``convolution.py`` have the sizes that follow from it.
"""

import time

import numpy

import minitorch
from minitorch import set_num_threads
from minitorch.backends import convolution, erf, large, products, softmax
from minitorch.backends import numpy as backend

NEVER = 1 << 62
ROWS = {"relu": 1, "keep": 2, "sigmoid": 1, "erf": 1}
ALONG = ["softmax", "log_softmax"]
COLUMNS = 64
SIZES = [1 << power for power in range(12, 22, 2)]
LAYERS = [  # images, channels, filters, size, padding; all with a kernel of 3 x 3
    (8, 16, 32, 8, 1), (64, 16, 32, 8, 1), (64, 1, 32, 28, 0), (32, 16, 16, 32, 1), (32, 64, 64, 8, 1), (64, 32, 64, 26, 0)
]
WEIGHTS = [minitorch.ones(COLUMNS, requires_grad=True) for _ in range(2)]
FUNCTIONS = {
    "gelu": minitorch.nn.functional.gelu,
    "layer_norm": lambda x: minitorch.nn.functional.layer_norm(x, (COLUMNS,), *WEIGHTS),
    "batch_norm": lambda x: minitorch.nn.functional.batch_norm(x.view(-1, COLUMNS, 16), None, None, *WEIGHTS, True),
}
PRODUCTS = [  # batch, m, n, k
    (1, 16, 32, 16), (1, 4, 384, 128), (1, 64, 64, 64), (1, 32, 128, 128), (1, 128, 256, 784), (1, 768, 128, 128), (1, 768, 512, 128),
    (16, 8, 8, 16), (48, 64, 32, 64),
]  # fmt: skip


def best(work, seconds=0.2):
    """The shortest of the calls that fit in some time, in microseconds; the first one compiles and isn't counted."""
    work()
    times, end = [], time.process_time() + seconds
    while time.process_time() < end or len(times) < 3:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) * 1e6


def both(work, switch):
    """By NumPy, and by machine code: what is to be printed."""
    switch(NEVER)
    by_numpy = best(work)
    switch(0)
    by_machine_code = best(work)
    return f"{by_numpy:9.1f} {by_machine_code:9.1f} {by_numpy / by_machine_code:6.1f}x"


def rows(least):
    backend.ENOUGH = softmax.ENOUGH_FOR_ROWS = erf.ENOUGH_FOR_ERF = least


def convolutions(least):
    convolution.WORTH_COMPILING = least


def trained(function, x):
    """A step forward and back."""
    x.grad = None
    function(x).sum().backward()


def composites(least):
    backend.ENOUGH_FOR_COMPOSITES = least


def all_products(least):
    products.WORTH_COMPILING = least
    products.SMALL = 0


def main():
    set_num_threads(1)
    print(f"elements from {large.ENOUGH}, erf's from {erf.ENOUGH_FOR_ERF}, softmax's from {large.ENOUGH_FOR_ROWS}")
    print(f"{'':34} {'NumPy':>9} {'machine':>9} {'gain':>7}")
    for name, count in ROWS.items():
        for size in SIZES:
            arrays = [numpy.random.default_rng(i).standard_normal(size).astype("float32") for i in range(count)]
            print(f"{name:10} {size:10} elements     ", both(lambda: getattr(backend, name)(*arrays), rows), flush=True)  # noqa: B023

    for name in ALONG:
        for size in SIZES:
            x = numpy.random.default_rng(0).standard_normal((size // COLUMNS, COLUMNS)).astype("float32")
            print(f"{name:11} {size:9} elements     ", both(lambda: getattr(backend, name)(x, 1), rows), flush=True)  # noqa: B023

    print(f"\nforward and back, from {backend.ENOUGH_FOR_COMPOSITES} elements")
    for name, function in FUNCTIONS.items():
        for size in SIZES:
            x = minitorch.ones(size // COLUMNS, COLUMNS, requires_grad=True)
            print(f"{name:11} {size:9} elements     ", both(lambda: trained(function, x), composites), flush=True)  # noqa: B023

    print(f"\nmultiplications from {products.WORTH_COMPILING}")
    for batch, m, n, k in PRODUCTS:
        x, y = [numpy.random.default_rng(i).standard_normal((batch, *shape)).astype("float32") for i, shape in enumerate(((m, k), (k, n)))]
        x, y = (x, y) if batch > 1 else (x[0], y[0])
        print(f"{f'{batch} * {m} x {n} x {k}':34}", both(lambda: backend.matmul(x, y), all_products), flush=True)  # noqa: B023

    print(f"\nmultiplications from {convolution.WORTH_COMPILING}")
    for images, channels, filters, size, pad in LAYERS:
        x = numpy.random.default_rng(0).standard_normal((images, channels, size, size)).astype("float32")
        weight = numpy.random.default_rng(1).standard_normal((filters, channels, 3, 3)).astype("float32")
        geometry = (1, 1), ((pad, pad), (pad, pad)), (1, 1), 1
        g = convolution.conv(x, weight, None, geometry)
        ways = {
            "forward": lambda: convolution.conv(x, weight, None, geometry),  # noqa: B023
            "input": lambda: convolution.conv_input_grad(g, weight, x.shape, geometry),  # noqa: B023
            "weight": lambda: convolution.conv_weight_grad(x, g, weight.shape, geometry),  # noqa: B023
        }
        for name, work in ways.items():
            print(f"{name:8} {g.size * channels * 9 / 1e6:8.1f} M {str(x.shape):17}", both(work, convolutions), flush=True)


if __name__ == "__main__":
    main()
