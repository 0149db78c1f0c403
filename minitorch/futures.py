"""Results that may come later.   torch: torch/futures"""

import threading

from .absent import absent

__all__ = ["Future", "collect_all", "wait_all"]

__getattr__ = absent(__name__)


class Future:
    """A result that somebody will set, to wait for.   torch: futures.Future

    >>> future = torch.futures.Future()
    >>> doubled = future.then(lambda f: f.value() * 2)
    >>> future.set_result(3)
    >>> doubled.wait()
    6
    """

    def __init__(self, *, devices=None):
        self.event, self.lock, self.callbacks = threading.Event(), threading.Lock(), []
        self.result = self.error = None

    def done(self):
        """Whether it is there."""
        return self.event.is_set()

    def wait(self):
        """The result, when it is there. Raises what ``set_exception`` was given."""
        self.event.wait()
        return self.value()

    def value(self):
        """The result, which must be there."""
        if self.error is not None:
            raise self.error
        return self.result

    def set_result(self, result):
        """Here it is."""
        self.settle(result, None)

    def set_exception(self, result):
        """It won't come, and this is why."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self.settle(None, result)

    def settle(self, result, error):
        with self.lock:
            if self.event.is_set():
                raise RuntimeError("Future can only be marked completed once\nits result is set already")
            self.result, self.error = result, error
            self.event.set()
        for callback in self.callbacks:
            callback(self)

    def add_done_callback(self, callback):
        """Call ``callback(future)`` when it is there."""
        with self.lock:
            if not self.event.is_set():
                self.callbacks.append(callback)
                return
        callback(self)

    def then(self, callback):
        """A Future of ``callback(future)``."""
        after = Future()

        def go_on(future):
            try:
                after.set_result(callback(future))
            except Exception as error:
                after.set_exception(error)

        self.add_done_callback(go_on)
        return after


def wait_all(futures):
    """The results of all.   torch: futures.wait_all"""
    return [future.wait() for future in futures]


def collect_all(futures):
    """A Future of the list of these, when all are there.   torch: futures.collect_all"""
    made, left, lock = Future(), [len(futures)], threading.Lock()

    def one_more(_):
        with lock:
            left[0] -= 1
            last = not left[0]
        if last:
            made.set_result(list(futures))

    for future in futures:
        future.add_done_callback(one_more)
    if not futures:
        made.set_result([])
    return made
