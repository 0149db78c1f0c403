"""Futures against PyTorch's."""

from oracle import agree, same_first_line


def test_results_and_callbacks():
    def program(t):
        first, second = t.futures.Future(), t.futures.Future()
        seen = []
        first.add_done_callback(lambda f: seen.append(f.value()))
        later = first.then(lambda f: f.value() + 1)
        both = t.futures.collect_all([first, second])
        before = first.done(), both.done()
        first.set_result(3)
        second.set_result(4)
        first.add_done_callback(lambda f: seen.append(f.wait() * 10))
        return before, seen, later.wait(), t.futures.wait_all([first, second]), [f.value() for f in both.wait()], first.done()

    agree(program)


def test_errors():
    def failed(t):
        future = t.futures.Future()
        future.set_exception(ValueError("no good"))
        future.wait()

    def wrong(t):
        t.futures.Future().set_exception(3)

    same_first_line(failed)
    same_first_line(wrong)
