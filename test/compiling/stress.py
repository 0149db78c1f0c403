"""Compiled functions in bad weather: ``python test/compiling/stress.py 100000``.

Many threads call several compiled functions, the same ones at once, while every core is kept busy by other processes, the
number of threads changes and the process forks. Inputs are small whole numbers, so each answer is known to the last bit.
"""

import os
import random
import subprocess
import sys
import threading
import time

import minitorch as torch

__all__ = ["Storm", "functions", "hogs", "right_in_child"]

SHAPE = (96, 700)
"""Of the inputs: enough for several threads to share the work."""


def scaled(x):
    return (x * 2 + 1).relu(), x.sum(1)


def product(x):
    return x[:, :96] @ x[:96, :100]


def moved(x):
    return x.amax(0), torch.cat([x[10:], x[:10]]).T.contiguous()


class Counter:
    """A step with state: each call adds to a weight of its own, so that a call too many or too few shows."""

    def __init__(self):
        self.calls, self.lock, weight = 0, threading.Lock(), torch.zeros(SHAPE[1])

        def step(x):
            weight.add_(x.sign().abs().amax(0))
            return weight * 1

        self.step = torch.compile(step)

    def right(self, x):
        with self.lock:
            self.calls += 1
            found = self.step(x)
            return bool((found == self.calls).all())


class Pure:
    """A function of its input alone: what it gives is what the plain one does."""

    def __init__(self, function):
        self.function, self.compiled, self.known = function, torch.compile(function), {}

    def right(self, x):
        if id(x) not in self.known:
            self.known[id(x)] = self.function(x)
        expected, found = self.known[id(x)], self.compiled(x)
        pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
        return all([torch.equal(a, b) for a, b in pairs])


def functions(products):
    """What is called: compiled already, as far as one thread gets.

    products: also matrix products. A thread that finds a program busy runs the function eagerly, and a fork in the middle of
    a product of OpenBLAS's leaves that waiting forever, in plain NumPy as well: so none of those where there are forks.
    """
    inputs = [torch.randint(1, 5, SHAPE).float() for _ in range(4)]
    made = [Pure(scaled), Pure(moved), Counter(), *([Pure(product)] if products else [])]
    for each in made:
        for x in inputs:
            assert each.right(x)
    return made, inputs


def hogs():
    """Processes that keep every core busy; to be killed."""
    code = "import time\nend = time.time() + 3600\nwhile time.time() < end: pass"
    return [subprocess.Popen([sys.executable, "-c", code]) for _ in range(os.cpu_count() or 1)]


def right_in_child(made, inputs):
    """Fork; whether the child's calls are all right. A child that hangs is ended after a minute, and wrong."""
    child = os.fork()
    if child == 0:
        try:
            fine = all([each.right(x) for each in made if each.__class__ is Pure for x in inputs])
        except BaseException:
            fine = False
        os._exit(0 if fine else 1)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


class Storm:
    """``threads`` of them call ``made`` in any order, ``calls`` times together.   wrong: what came out that shouldn't have."""

    def __init__(self, made, inputs, threads, calls):
        self.made, self.inputs, self.wrong, self.done = made, inputs, [], 0
        self.calls = calls // threads
        self.threads = [threading.Thread(target=self.work, args=(seed,), daemon=True) for seed in range(threads)]

    def work(self, seed):
        choose = random.Random(seed).choice
        try:
            for _ in range(self.calls):
                each = choose(self.made)
                if not each.right(choose(self.inputs)):
                    self.wrong.append(each)
                self.done += 1
        except BaseException as error:
            self.wrong.append(error)

    def run(self, fork=True, limit=3600):
        """Let it rage, with forks and changes of ``set_num_threads`` in it; gives what was wrong."""
        before, end = torch.get_num_threads(), time.monotonic() + limit
        for thread in self.threads:
            thread.start()
        turn = 0
        while any([thread.is_alive() for thread in self.threads]):
            turn += 1
            torch.set_num_threads(1 + turn % 3)
            if fork and not right_in_child(self.made, self.inputs):
                self.wrong.append("a child")
            time.sleep(0.02)
            if time.monotonic() > end:
                self.wrong.append("it hangs")
                break
        torch.set_num_threads(before)
        return self.wrong


def main(steps):
    busy, every = hogs(), []
    try:
        for fork in (True, False):
            storm, begin = Storm(*functions(products=not fork), 6, steps // 2), time.monotonic()
            wrong = storm.run(fork)
            every += wrong
            weather = "forks" if fork else "products"
            print(f"{storm.done} calls by 6 threads, with {weather}: {time.monotonic() - begin:.0f} s, {len(wrong)} wrong {wrong[:3]}")
    finally:
        for hog in busy:
            hog.kill()
            hog.wait()
    return 1 if every else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
