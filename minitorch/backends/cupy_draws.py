"""Random numbers for a GPU: drawn on the CPU, from a generator of the GPU's own, and sent over.

So each seed gives the numbers that the CPU's generator gives at that seed, on every GPU. Parameters that are arrays come to
the CPU first. ``torch.manual_seed`` starts this generator too.
"""

import cupy

from . import mt19937

__all__ = ["Stream", "default_stream"]


def received(x):
    """An argument as the CPU's generator takes it."""
    return x.get() if x.__class__ is cupy.ndarray else x


def sent(name):
    """The generator's method ``name``, whose draws are sent to the GPU."""

    def draw(self, *arguments):
        return cupy.asarray(getattr(self.twin, name)(*[received(x) for x in arguments]))

    return draw


class Stream:
    """A stream of random numbers with the distributions of ``mt19937.Stream``, as arrays on the GPU."""

    __slots__ = ("__weakref__", "twin")
    uniform, normal, log_normal, exponential = sent("uniform"), sent("normal"), sent("log_normal"), sent("exponential")
    cauchy, bernoulli, bernoulli_each = sent("cauchy"), sent("bernoulli"), sent("bernoulli_each")
    geometric, integers, permutation = sent("geometric"), sent("integers"), sent("permutation")
    multinomial_with_replacement, poisson = sent("multinomial_with_replacement"), sent("poisson")
    binomial, standard_gamma, dirichlet = sent("binomial"), sent("standard_gamma"), sent("dirichlet")

    def __init__(self, seed=mt19937.DEFAULT_SEED):
        self.twin = mt19937.Stream(seed)

    @property
    def initial_seed(self):
        return self.twin.initial_seed

    def manual_seed(self, seed):
        """Start again from ``seed``."""
        self.twin.manual_seed(seed)

    def multinomial(self, p, times, samples):
        """Indices of ``samples`` different categories; ``times()`` are those of the race between them."""
        return cupy.asarray(self.twin.multinomial(p.get(), lambda: times().get(), samples))

    def get_state(self):
        """All that decides the numbers to come, as bytes in the CPU's memory."""
        return self.twin.get_state()

    def set_state(self, blob):
        """Go on from a state that ``get_state`` returned."""
        self.twin.set_state(blob)

    def copy(self):
        """A second stream that goes on with the same numbers."""
        made = Stream()
        made.twin = self.twin.copy()
        return made


default_stream = Stream()
"""What draws on the GPU without ``generator=`` come from."""
