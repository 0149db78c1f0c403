"""Compiled functions called by many threads, on busy cores, on both sides of a fork, and with one thread or several."""

import os
import signal
import threading

import pytest
import stress

import minitorch as torch
from minitorch import nn
from minitorch.compiling.answering import MISS
from minitorch.utils.data import DataLoader, Dataset

forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),  # what these tests are about
]


@pytest.fixture
def threads():
    """Sets how many threads there are; as they were, afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(params=["cores free", "cores busy"])
def cores(request):
    busy = stress.hogs() if request.param == "cores busy" else []
    yield
    for hog in busy:
        hog.kill()
        hog.wait()


def test_many_threads_call_several_functions(threads, cores):
    threads(2)
    assert stress.Storm(*stress.functions(products=True), 6, 600).run(fork=False, limit=60) == []


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.usefixtures("threads")
class TestForks:
    pytestmark = forks

    def test_both_sides_go_on(self, size):
        torch.set_num_threads(size)
        made, inputs = stress.functions(products=True)
        for _ in range(3):
            assert stress.right_in_child(made, inputs)
            assert all([each.right(x) for each in made for x in inputs])

    def test_while_other_threads_call(self, size):
        torch.set_num_threads(size)
        assert stress.Storm(*stress.functions(products=False), 4, 400).run(limit=60) == []


class TestLocks:
    pytestmark = forks

    @pytest.mark.parametrize("way", ["forward", "backward"])
    def test_a_child_does_not_inherit_the_lock_of_a_thread_in_a_program(self, way):
        x = torch.ones(3, requires_grad=way == "backward")
        function = torch.compile(lambda x: x * 2 + torch.rand(3) * 0)  # draws, so Python answers, and asks for the lock
        for _ in range(3):
            function(x)
        (program,) = next(iter(function.signatures.values())).programs
        taken, done = threading.Event(), threading.Event()

        def run():
            with program.lock if way == "forward" else program.backward.lock:
                taken.set()
                done.wait(60)

        other = threading.Thread(target=run)
        other.start()
        taken.wait(60)
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a lock that stays shut would be waited for
            result = function.answers[0]((x,), {})
            fine = result is not MISS and result.tolist() == [2.0] * 3
            if fine and way == "backward":
                result.sum().backward()
                fine = x.grad.tolist() == [2.0] * 3
            os._exit(0 if fine else 1)
        status = os.waitpid(child, 0)[1]
        done.set()
        other.join()
        assert status == 0
        assert function(x).tolist() == [2.0] * 3


class Doubled(Dataset):
    """Items that a compiled function makes."""

    def __init__(self):
        self.function = torch.compile(lambda x: x * 2 + x.sum())
        self.x = torch.ones(70_000)
        for _ in range(3):
            self.function(self.x)

    def __len__(self):
        return 12

    def __getitem__(self, k):
        return self.function(self.x * k)[:3]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_of_a_loader_call_a_program_of_the_parent_s(workers, threads):
    threads(2)
    data = Doubled()
    found = torch.cat(list(DataLoader(data, batch_size=4, num_workers=workers)))
    assert torch.equal(found, torch.arange(12)[:, None].expand(12, 3) * 70_002.0)
    assert torch.equal(data.function(data.x), torch.full((70_000,), 70_002.0))


def test_a_program_gives_the_same_bits_on_any_number_of_threads(threads):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(200, 300), nn.GELU(), nn.LayerNorm(300), nn.Linear(300, 40))
    x = torch.randn(64, 200)

    @torch.compile
    def step():
        model.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        return loss

    def left(size):
        threads(size)
        return [step(), *[p.grad.clone() for p in model.parameters()]]

    for _ in range(3):
        step()
    one = left(1)
    for size in (2, 5):
        assert all([torch.equal(a, b) for a, b in zip(one, left(size), strict=True)])
