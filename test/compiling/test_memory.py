"""What a compiled function holds on to."""

import tracemalloc

import minitorch as torch


def longest(x):
    for _ in range(20):
        x = x + 1
    return x


def peak_of(function, x):
    tracemalloc.start()
    try:
        function(x)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_run_that_is_recorded_frees_what_it_no_longer_needs():
    x = torch.ones(1 << 20)
    compiled = torch.compile(longest)
    for _ in range(2):
        assert peak_of(compiled, x) < 4 * x.nbytes


def test_the_steps_of_a_chain_take_no_memory():
    x = torch.ones(1 << 20)
    compiled = torch.compile(longest)
    for _ in range(2):
        compiled(x)
    assert peak_of(compiled, x) < 1.5 * x.nbytes  # the result
