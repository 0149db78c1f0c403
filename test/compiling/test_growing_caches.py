"""Keys and values of the letters before, kept in two ways: in tensors that grow, and in tensors of full length."""

import warnings

import pytest

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F

WIDTH, HEADS, LETTERS, LONGEST = 16, 2, 11, 24


class Head(nn.Module):
    """One layer of attention over what was kept, and this letter."""

    def __init__(self):
        super().__init__()
        self.letters, self.places = nn.Embedding(LETTERS, WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, LETTERS)

    def heads(self, x, place):
        x = self.letters(x) + self.places(place)
        return [part.view(1, -1, HEADS, WIDTH // HEADS).transpose(1, 2) for part in self.qkv(x).split(WIDTH, 2)]

    def scores(self, seen):
        return self.out(seen.transpose(1, 2).reshape(1, -1, WIDTH))[:, -1]

    def forward(self, x, place, past):
        q, k, v = self.heads(x, place)
        past = (k, v) if past is None else (torch.cat([past[0], k], 2), torch.cat([past[1], v], 2))
        return self.scores(F.scaled_dot_product_attention(q, *past)), past


def growing(step):
    """The likeliest letters, one after the other."""
    found, past = [], None
    x = torch.tensor([[3]])
    for k in range(LONGEST):
        scores, past = step(x, torch.tensor([k]), past)
        x = scores.argmax(-1, keepdim=True)
        found.append(x.item())
    return found


def at_full_length(head, wrap):
    keys, values = [torch.zeros(1, HEADS, LONGEST, WIDTH // HEADS) for _ in range(2)]
    counted = torch.arange(LONGEST)

    def step(x, place):
        q, k, v = head.heads(x, place)
        keys.index_copy_(2, place, k)
        values.index_copy_(2, place, v)
        return head.scores(F.scaled_dot_product_attention(q, keys, values, attn_mask=counted <= place))

    step, found, x = wrap(step), [], torch.tensor([[3]])
    for k in range(LONGEST):
        x = step(x, torch.tensor([k])).argmax(-1, keepdim=True)
        found.append(x.item())
    return found, step


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_tensors_that_grow_get_a_number_of_programs_and_one_warning(mode):
    torch.manual_seed(1)
    head = Head().eval()
    with mode():
        expected = growing(head)
        compiled = torch.compile(head)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = [growing(compiled) for _ in range(4)]
    assert found == [expected] * 4
    assert ["more than 8 signatures" in str(warning.message) for warning in told] == [True]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_tensors_of_full_length_are_one_program(mode):
    torch.manual_seed(1)
    head = Head().eval()
    with mode():
        expected = growing(head)
        assert at_full_length(head, lambda step: step)[0] == expected
        found, step = at_full_length(head, lambda step: torch.compile(step, fullgraph=True))
    assert found == expected
    assert [len(signature.programs) for signature in step.signatures.values()] == [1]
