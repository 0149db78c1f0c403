"""What ``torch.compile`` returns: it looks and behaves as the function that it was given, as a method too."""

import minitorch as torch
from minitorch import nn


def test_it_looks_like_the_function():
    @torch.compile
    def double(x):
        """Twice x."""
        return x * 2

    assert (double.__name__, double.__doc__, double.__module__) == ("double", "Twice x.", __name__)
    assert double.__wrapped__(torch.ones(1)).item() == 2.0
    assert repr(double) == "<compiled test_it_looks_like_the_function.<locals>.double>"


def test_a_method_gets_its_instance_and_sees_it_change():
    class Scaled:
        def __init__(self, scale):
            self.scale = scale

        @torch.compile(fullgraph=True)
        def of(self, x):
            return x * self.scale

    two, three, x = Scaled(2.0), Scaled(3.0), torch.ones(1)
    assert [[two.of(x).item(), three.of(x).item()] for _ in range(4)] == [[2.0, 3.0]] * 4
    two.scale = 5.0
    assert [two.of(x).item(), three.of(x).item()] == [5.0, 3.0]


def test_a_model_that_is_an_argument_is_watched():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = 2.0

        def forward(self, x):
            return x * self.scale

    model, x = Scaled(), torch.ones(1)
    apply = torch.compile(lambda model, x: model(x), fullgraph=True)
    assert [apply(model, x).item() for _ in range(3)] == [2.0] * 3
    model.scale = 4.0
    assert apply(model, x).item() == 4.0
