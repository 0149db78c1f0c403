"""Writing in place, views, versions, hooks and the life of the graph: short programs that both libraries run.

Each program is a function of the library. It returns tensors, numbers and names, or raises; the two must agree in all of
it, in an error's type and first line too.
"""

import gc
import weakref

import pytest
import torch
from oracle import Raised, agree

import minitorch

PROGRAMS = []


def program(function):
    """Add to the table."""
    PROGRAMS.append(function)
    return function


def failing(function):
    """Add to the table a program that must raise."""
    function.fails = True
    return program(function)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_agrees_with_pytorch(program):
    expected = agree(program)
    assert isinstance(expected, Raised) == hasattr(program, "fails"), f"PyTorch: {expected}"


def leaf(t, *shape, start=1.0):
    """start, start + 1, …: a leaf that wants its gradient."""
    n = 1
    for size in shape:
        n *= size
    return t.arange(start, start + n, dtype=t.float64).reshape(shape).clone().requires_grad_()


def grads(*tensors):
    return [x.grad for x in tensors]


# ------------------------------------------------------------------------------------------------------------- aliasing


@program
def a_selected_row_is_a_view(t):
    x = t.zeros(2, 3)
    x[0].add_(1)
    return x


@program
def a_selected_element_is_a_view(t):
    x = t.zeros(3)
    x[1].add_(5)
    y = x[2]
    y += 7
    return x, y


@program
def every_view_shares_memory(t):
    x = t.zeros(2, 3, 4)
    x.view(6, 4)[0].add_(1)
    x.reshape(24)[20:].mul_(0).add_(2)
    x.permute(2, 0, 1)[1].add_(3)
    x.transpose(0, 2)[2, 1].add_(4)
    x[..., 3].add_(5)
    x[None, 0, ::2, 1:3].add_(6)
    x.narrow(1, 1, 2).unsqueeze(0).squeeze().add_(7)
    x.flatten(1)[:, 5].add_(8)
    x.diagonal(0, 0, 1).add_(9)
    x.unfold(2, 2, 2)[0, 0, 0].add_(10)
    x.mT.swapaxes(0, 1).movedim(0, 2)[0, 0, 0].add_(11)
    x.detach().add_(12)
    x.data.add_(13)
    x.unbind(1)[2].add_(14)
    x.split(1)[0].add_(15)
    x.chunk(2, 2)[1].add_(16)
    x.expand(2, 3, 4)[1].add_(17)
    x.view_as(x).ravel()[:3].add_(18)
    x.unflatten(2, (2, 2))[..., 0].add_(19)
    x.select(0, 1).add_(20)
    return x


@program
def copies_share_nothing(t):
    x = t.zeros(2, 3)
    for y in (
        x.clone(),
        x.t().contiguous(),
        x.flip(0),
        x.roll(1),
        x[[0, 1]],
        x[x == 0],
        x.repeat(1, 1),
        x.index_select(0, t.tensor([0])),
    ):
        y.add_(1)
    t.tensor([[0.0]]).copy_(x[:1, :1]).add_(1)
    return x


@program
def an_assigned_slice(t):
    x = t.zeros(3, 4)
    x[1:, ::2] = t.tensor([1.0, 2.0])
    x[0] = 5
    x[2, 3] = t.tensor(7, dtype=t.int64)
    x[..., 1] = t.arange(3)
    return x


@program
def masks_and_integers_are_written(t):
    x = t.zeros(3, 4)
    x[x == 0] = 1
    x[t.tensor([0, 2]), t.tensor([1, 1])] = t.tensor([8.0, 9.0])
    x[t.tensor([True, False, True])] += 1
    x[[0, 1], 2:] = -1
    x[t.tensor([0, 0]), 0] += 10
    return x


@program
def a_mask_read_is_a_copy(t):
    x = t.arange(4.0)
    y = x[x > 1]
    y.zero_()
    return x, y


@program
def from_numpy_and_numpy_share_memory(t):
    import numpy

    a = numpy.zeros(3, numpy.float32)
    x = t.from_numpy(a)
    x[0] = 1
    a[1] = 2
    x.numpy()[2] = 3
    return x, a.tolist()


@program
def operators_in_place_keep_the_object(t):
    x = y = t.tensor([5, 7])
    x += 1
    x -= 2
    x *= 3
    x //= 2
    x %= 4
    x **= 2
    x &= 6
    x |= 1
    x ^= 3
    z = w = t.tensor([1.0, 4.0])
    z /= 2
    return x is y, x, z is w, z


@program
def data_replaced(t):
    x = leaf(t, 2)
    before = x.data_ptr()
    x.data = t.tensor([5.0, 6.0], dtype=t.float64)
    (x * x).sum().backward()
    return x.data_ptr() == before, x, x.grad


@failing
def an_expanded_tensor_is_not_written(t):
    t.zeros(1).expand(3).add_(1)


@program
def an_expanded_tensor_of_one_is(t):
    x = t.zeros(1)
    x.expand(1, 1).add_(1)
    return x


@failing
def a_result_of_another_shape_is_not_written(t):
    t.zeros(3).add_(t.zeros(2, 3))


@failing
def a_smaller_shape_is_not_broadcast_for_the_result(t):
    t.zeros(1, 3).mul_(t.zeros(2, 3))


@failing
def shapes_that_do_not_match_are_not_written(t):
    t.zeros(3).add_(t.zeros(2))


@failing
def a_float_result_is_not_written_into_integers(t):
    t.tensor([1]).add_(0.5)


@failing
def a_quotient_is_not_written_into_integers(t):
    x = t.tensor([1, 2])
    x /= 2


@failing
def an_integer_result_is_not_written_into_booleans(t):
    t.tensor([True]).add_(t.tensor([1]))


@program
def a_wider_result_is_written_into_a_narrower_tensor(t):
    x = t.tensor([1.0], dtype=t.float16)
    x += t.tensor([0.5], dtype=t.float64)
    y = t.tensor([1], dtype=t.int8)
    y += t.tensor([300])
    z = t.tensor([1], dtype=t.uint8)
    z.add_(255)
    return x, y, z


@program
def self_overlapping_operands(t):
    x = t.arange(6.0).reshape(2, 3)
    x[:, 1:] += x[:, 1:].clone()
    x.add_(x)
    x.mul_(x.sum())
    return x


# ------------------------------------------------------------------------------------------------------ version counters


@program
def versions_count_writes(t):
    x = t.zeros(3, 3)
    seen = [x._version]
    x.add_(1)
    seen.append(x._version)
    x[0] = 2
    seen.append(x._version)
    view = x[1]
    view.mul_(2)
    seen += [x._version, view._version]
    x.detach().zero_()
    seen.append(x._version)
    x.data.zero_()
    seen.append(x._version)
    with t.no_grad():
        x.fill_(3)
    seen += [x._version, x.clone()._version]
    return seen


@failing
def a_saved_input_was_written(t):
    x = leaf(t, 2)
    y = x * 1
    z = y * y
    y.add_(1)
    z.sum().backward()


@failing
def a_saved_output_was_written(t):
    y = leaf(t, 2).exp()
    y.add_(1)
    y.sum().backward()


@failing
def a_saved_output_was_written_in_place_of_its_own_row(t):
    y = (leaf(t, 2) * 1).exp_()
    y.add_(1)
    y.sum().backward()


@failing
def a_weight_was_stepped_before_backward(t):
    w, x = leaf(t, 2, 2), leaf(t, 2, 2)
    y = x.mm(w)
    with t.no_grad():
        w.sub_(1)
    y.sum().backward()


@failing
def what_is_saved_was_written_through_detach(t):
    y = leaf(t, 2) * 1
    z = y.sin()
    y.detach().zero_()
    z.sum().backward()


@program
def what_is_saved_was_written_through_data(t):
    x = leaf(t, 2)
    y = x * 1
    z = y * y
    y.data.zero_()
    z.sum().backward()
    return x.grad


@failing
def what_is_saved_was_written_through_a_view(t):
    y = leaf(t, 3) * 1
    z = y.square()
    y[1:].add_(1)
    z.sum().backward()


@program
def what_is_not_saved_may_be_written(t):
    w, x = leaf(t, 2), t.tensor([3.0, 4.0], dtype=t.float64)
    y = w * x
    with t.no_grad():
        w.mul_(2)
    y.sum().backward()
    return grads(w)


@failing
def the_other_factor_is_saved(t):
    w, x = leaf(t, 2), t.tensor([3.0, 4.0], dtype=t.float64)
    y = w * x
    x.mul_(2)
    y.sum().backward()


@program
def sums_save_nothing(t):
    x = leaf(t, 3)
    y = x * 2
    z = (y + 1) - y.mean() + y.reshape(3).flip(0) + y[0]
    y.zero_()
    z.sum().backward()
    return x.grad


@program
def sin_in_place_saves_a_copy(t):
    x = leaf(t, 2)
    y = (x * 1).sin_()
    y.add_(1)
    y.sum().backward()
    return x.grad


@program
def mul_in_place_saves_a_copy(t):
    x = leaf(t, 2)
    y = x * 1
    y.mul_(x)
    y.mul_(3)
    y.sum().backward()
    return x.grad


@program
def a_write_between_two_uses(t):
    x = leaf(t, 3)
    y = x + 0
    a = y * 2
    y.add_(10)
    b = y * y
    (a + b).sum().backward()
    return x.grad, y


# --------------------------------------------------------------------------------------------------- in-place in the graph


@program
def relu_in_place(t):
    x = leaf(t, 4, start=-2.0)
    y = x * 2
    y.relu_()
    y.sum().backward()
    return x.grad, y


@program
def a_chain_in_place(t):
    x = leaf(t, 3)
    y = x.clone()
    for _ in range(3):
        y.mul_(2).add_(x).sin_()
    y.sum().backward()
    return x.grad, y


@program
def division_power_and_lerp_in_place(t):
    x, w = leaf(t, 3), leaf(t, 3, start=2.0)
    y = x * 1
    y.div_(w).pow_(3).lerp_(w, 0.25).addcmul_(w, w, value=0.5).addcdiv_(x, w, value=2).sub_(x, alpha=3).clamp_(
        -100, 100
    )
    y.sum().backward()
    return grads(x, w), y


@program
def a_tensor_without_history_gains_it(t):
    x = leaf(t, 2)
    y = t.ones(2, dtype=t.float64)
    y.mul_(x)
    before = y.requires_grad, y.is_leaf
    y.add_(1).sum().backward()
    return before, x.grad


@program
def broadcast_into_a_larger_tensor(t):
    x = leaf(t, 3)
    y = t.ones(2, 3, dtype=t.float64)
    y += x
    y *= x
    y.sum().backward()
    return x.grad, y


@program
def copy_in_place_takes_the_source_s_history(t):
    x, z = leaf(t, 3), leaf(t, 3)
    y = x * 2
    y.copy_(z)
    y.sum().backward()
    return grads(x, z)


@program
def copy_in_place_casts_and_broadcasts(t):
    x = t.tensor([2.0], requires_grad=True)
    y = t.zeros(2, 3, dtype=t.float64)
    y.copy_(x)
    (y * y).sum().backward()
    return x.grad, y


@program
def zero_fill_and_detached_copy(t):
    x = leaf(t, 2)
    y, z, w = x * 2, x * 3, x * 4
    y.zero_()
    z.fill_(7)
    w.copy_(t.ones(2))
    (y + z + w).sum().backward()
    return x.grad, [v.requires_grad for v in (y, z, w)]


@program
def fill_with_a_tensor(t):
    x, v = leaf(t, 2), leaf(t)
    y = x * 2
    y.fill_(v)
    y.sum().backward()
    return grads(x, v)


@program
def a_masked_assignment(t):
    x, v = leaf(t, 4), leaf(t, 2, start=10.0)
    y = x * 2
    y[t.tensor([True, False, True, False])] = v
    (y * y).sum().backward()
    return grads(x, v), y


@program
def masked_fill_in_place(t):
    x, v = leaf(t, 3), leaf(t)
    y = x * x
    y.masked_fill_(t.tensor([True, False, True]), v)
    (y * 3).sum().backward()
    return grads(x, v)


@program
def an_assignment_at_integers(t):
    x, v = leaf(t, 3, 2), leaf(t, 2, start=5.0)
    y = x * 2
    y[t.tensor([0, 2])] = v
    (y * y).sum().backward()
    return grads(x, v), y


@program
def accumulated_at_integers(t):
    x, v = leaf(t, 3), leaf(t, 4, start=5.0)
    y = x * 2
    y.index_put_((t.tensor([0, 0, 1, 2]),), v, accumulate=True)
    y.index_add_(0, t.tensor([1, 1]), v[:2], alpha=2)
    (y * y).sum().backward()
    return grads(x, v), y


@program
def scattered_in_place(t):
    x, v = leaf(t, 2, 3), leaf(t, 2, 2, start=5.0)
    index = t.tensor([[0, 2], [1, 0]])
    y = x * 2
    y.scatter_(1, index, v)
    y.scatter_add_(1, index, v)
    y.index_copy_(1, t.tensor([2, 0]), v)
    y.index_fill_(0, t.tensor([1]), 3.0)
    (y * y).sum().backward()
    return grads(x, v), y


@failing
def a_leaf_is_not_written(t):
    leaf(t, 2).add_(1)


@failing
def a_leaf_is_not_assigned_to(t):
    x = leaf(t, 2)
    x[0] = 1


@failing
def a_view_of_a_leaf_is_not_written(t):
    leaf(t, 2, 2).view(4).add_(1)


@failing
def a_leaf_is_not_masked(t):
    x = leaf(t, 2)
    x[x > 1] = 0


@program
def a_leaf_is_written_without_recording(t):
    x = leaf(t, 2)
    with t.no_grad():
        x.add_(1)
        x[0] = 5
    (x * x).sum().backward()
    return x, x.grad, x.is_leaf


@failing
def a_leaf_written_through_a_detached_tensor_s_history(t):
    x, y = leaf(t, 2), t.zeros(2, dtype=t.float64)
    y.copy_(x)
    x.copy_(y)


# ------------------------------------------------------------------------------------------------- through views in the graph


@program
def a_row_of_a_result_is_written(t):
    x, v = leaf(t, 2, 3), leaf(t, 3)
    y = x * x
    y[0] = v
    (y * y).sum().backward()
    return grads(x, v), y.grad_fn is not None


@program
def an_element_of_a_result_is_multiplied(t):
    x = leaf(t, 3)
    y = x * x
    y[1] *= 3
    y[1].mul_(x[0])
    y.sum().backward()
    return x.grad, y


@program
def a_view_made_before_its_base_was_written(t):
    x = leaf(t, 3)
    y = x * x
    view = y[1:]
    y.mul_(2)
    (view * view).sum().backward()
    return x.grad, view


@program
def a_view_made_before_another_view_was_written(t):
    x = leaf(t, 4)
    y = x * 1
    first, last = y[:3], y[1:]
    first.mul_(5)
    (last * last).sum().backward()
    return x.grad, first, last


@program
def views_of_views_are_written(t):
    x = leaf(t, 2, 3, 4)
    y = x * 1
    inner = y.permute(2, 0, 1)[1:3].transpose(0, 1)[1]
    inner.mul_(10)
    y.view(6, 4)[::2].t()[0].add_(x.sum())
    (y * y).sum().backward()
    return x.grad, y, inner


@program
def a_base_without_history_gains_it_through_a_view(t):
    x = leaf(t, 2)
    base = t.zeros(3, 2, dtype=t.float64)
    other = base.t()
    base[1] = x
    before = base.requires_grad, base.is_leaf, other.requires_grad
    (other * other).sum().backward()
    return before, x.grad


@program
def buffers_are_filled_in_a_loop(t):
    x = leaf(t, 3)
    h = t.zeros(4, 3, dtype=t.float64)
    for i in range(3):
        h[i + 1] = (h[i] + x).tanh()
    h.sum().backward()
    return x.grad, h


@program
def a_diagonal_and_an_unfolded_window_are_written(t):
    x = leaf(t, 3)
    y = t.zeros(3, 3, dtype=t.float64) + x
    y.diagonal().mul_(x)
    y.unfold(1, 2, 1)[0, 1].add_(x[:2])
    (y * y).sum().backward()
    return x.grad, y


@program
def a_view_in_place_then_its_own_gradient(t):
    x = leaf(t, 2, 2)
    y = x * 2
    v = y.view(4)
    v.sin_()
    return t.autograd.grad(v.sum() + y.square().sum(), x), v.grad_fn is not None


@failing
def a_saved_view_s_base_was_written(t):
    x = leaf(t, 4)
    y = x * 1
    z = y[:2] * y[2:]
    y.add_(1)
    z.sum().backward()


@failing
def one_of_several_views_is_not_written(t):
    y = leaf(t, 2, 2) * 1
    y.unbind(0)[0].add_(1)


@failing
def one_of_several_pieces_is_not_written(t):
    y = leaf(t, 4) * 1
    a, b = y.split(2)
    b.mul_(2)


@failing
def one_of_several_chunks_is_not_written(t):
    y = leaf(t, 4) * 1
    a, b = y.chunk(2)
    a.mul_(2)


@failing
def a_piece_of_given_size_is_not_written(t):
    y = leaf(t, 4) * 1
    y.split([1, 3])[1].zero_()


@failing
def an_iterated_row_is_not_written(t):
    for row in leaf(t, 2, 2) * 1:
        row.add_(1)


@program
def several_views_without_history_are_written(t):
    y = t.zeros(2, 2)
    y.unbind(0)[0].add_(1)
    y.split(1)[1].add_(2)
    return y


@failing
def a_view_made_without_recording_is_not_written(t):
    y = leaf(t, 2) * 1
    with t.no_grad():
        v = y[0]
    v.add_(1)


@program
def a_view_written_without_recording(t):
    x = leaf(t, 2)
    y = x * 1
    with t.no_grad():
        y[0].add_(1)
    y.sum().backward()
    return x.grad, y


@program
def shapes_changed_in_place(t):
    x = leaf(t, 2, 3)
    y = x * 2
    y.t_()
    y.unsqueeze_(0)
    y.transpose_(1, 2).squeeze_(0)
    y.mul_(t.arange(3.0, dtype=t.float64))
    y.sum().backward()
    return x.grad, y


@program
def shapes_of_several_views_changed_in_place(t):
    x = t.ones(4, 4)
    return x.split(1, -1)[0].unsqueeze_(2), x.unbind(0)[0].squeeze_(), x.chunk(2)[0].t_()


@failing
def the_shape_of_one_of_several_views_that_want_gradients(t):
    (leaf(t, 4, 4) * 1).chunk(2)[0].t_()


@failing
def the_shape_of_an_inference_tensor_is_not_changed_outside(t):
    with t.inference_mode():
        x = t.ones(2, 3)
    x.t_()


# ---------------------------------------------------------------------------------------- detach, no_grad, leaves, requires_grad


@program
def a_detached_tensor_has_no_history(t):
    x = leaf(t, 2)
    y = (x * x).detach()
    z = (y * x).sum()
    z.backward()
    return y.requires_grad, y.is_leaf, y.grad_fn is None, x.grad


@program
def detached_in_place(t):
    x = leaf(t, 2)
    y = x * 2
    y.detach_()
    (y * x).sum().backward()
    return y.requires_grad, x.grad


@failing
def a_view_is_not_detached_in_place(t):
    (leaf(t, 2) * 2)[0].detach_()


@program
def nothing_is_recorded_in_no_grad(t):
    x = leaf(t, 2)
    with t.no_grad():
        y = x * 2
        with t.enable_grad():
            z = x * 3
        w = leaf(t, 2)
    with t.set_grad_enabled(False):
        v = x * 4
    return [(a.requires_grad, a.is_leaf) for a in (x, y, z, w, v)], t.is_grad_enabled()


@program
def no_grad_decorates(t):
    @t.no_grad()
    def double(x):
        return x * 2

    return double(leaf(t, 2)).requires_grad, double.__name__


@program
def no_grad_ends_with_an_exception(t):
    try:
        with t.no_grad():
            raise KeyError
    except KeyError:
        return t.is_grad_enabled()


@program
def inference_mode_records_nothing(t):
    x = leaf(t, 2)
    with t.inference_mode():
        y = x * 2
        inside = t.is_inference_mode_enabled()
    return y.requires_grad, inside, t.is_inference_mode_enabled()


@program
def leaves(t):
    x = t.zeros(2, requires_grad=True)
    y = x + 1
    made = [t.zeros(2), x, y, y.detach(), x.detach().requires_grad_(), t.tensor([1.0], requires_grad=True).double()]
    return [(a.is_leaf, a.requires_grad, a.grad_fn is None) for a in made]


@failing
def an_integer_wants_no_gradient(t):
    t.tensor([1]).requires_grad_()


@failing
def an_integer_is_not_made_to_want_a_gradient(t):
    t.tensor([1], requires_grad=True)


@failing
def a_result_keeps_wanting_its_gradient(t):
    (leaf(t, 2) * 2).requires_grad_(False)


@program
def a_leaf_may_stop_wanting_its_gradient(t):
    x = leaf(t, 2)
    x.requires_grad_(False)
    return x.requires_grad, (x * 2).requires_grad


@program
def integer_results_have_no_history(t):
    x = leaf(t, 3)
    return [y.requires_grad for y in (x > 1, x.argmax(), x.argsort(), x.long(), x.isnan(), x == x, x.sign(), x.floor())]


# ------------------------------------------------------------------------------------------------------------- backward


@program
def a_gradient_adds_up(t):
    x = leaf(t, 2)
    y = x * x + x
    (y * x).sum().backward()
    first = x.grad
    before = first.clone()
    (x * 3).sum().backward()
    return before, x.grad, first is x.grad


@program
def the_same_tensor_many_times(t):
    x = leaf(t)
    y = x
    for _ in range(5):
        y = y * x + y
    y.backward()
    return x.grad


@failing
def backward_twice(t):
    y = (leaf(t, 2) ** 2).sum()
    y.backward()
    y.backward()


@program
def backward_twice_where_nothing_is_saved(t):
    x = leaf(t, 2)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    return x.grad


@program
def a_kept_graph_goes_back_twice(t):
    x = leaf(t, 2)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@failing
def a_freed_part_is_shared(t):
    x = leaf(t, 2)
    h = x * x
    h.sum().backward()
    (h * 2).sum().backward()


@failing
def several_numbers_have_no_implicit_gradient(t):
    (leaf(t, 2) * 2).backward()


@failing
def nothing_wants_a_gradient(t):
    t.zeros(()).backward()


@failing
def a_gradient_of_another_shape(t):
    (leaf(t, 2) * 2).backward(t.ones(3, dtype=t.float64))


@program
def a_gradient_given(t):
    x = leaf(t, 3)
    (x * x).backward(t.tensor([1.0, 0.0, -1.0], dtype=t.float64))
    return x.grad


@program
def only_the_given_inputs(t):
    x, w = leaf(t, 2), leaf(t, 2)
    h = x * w
    (h * h).sum().backward(inputs=[x])
    return grads(x, w)


@program
def a_middle_tensor_as_input(t):
    x = leaf(t, 2)
    h = x * 3
    return t.autograd.grad((h * h).sum(), [h, x])


@failing
def an_unused_input(t):
    t.autograd.grad(leaf(t, 2).sum(), leaf(t, 2))


@program
def an_unused_input_allowed(t):
    x, w = leaf(t, 2), leaf(t, 2)
    return t.autograd.grad(x.sum(), [x, w], allow_unused=True), t.autograd.grad(x.sum(), [w], materialize_grads=True)


@program
def grad_leaves_no_grad_behind(t):
    x = leaf(t, 2)
    got = t.autograd.grad((x**3).sum(), x)
    return got, x.grad


@program
def the_second_derivative(t):
    x = leaf(t, 3)
    (first,) = t.autograd.grad((x**3).sum(), x, create_graph=True)
    (second,) = t.autograd.grad((first * x).sum(), x)
    return first, second


@program
def create_graph_gives_a_gradient_with_history(t):
    x = leaf(t, 2)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.sum().backward()
    return first, x.grad, first.requires_grad


@program
def a_third_derivative(t):
    x = leaf(t)
    y = x.sin() * x.exp()
    for _ in range(3):
        (y,) = t.autograd.grad(y, x, create_graph=True)
    return y


@program
def second_backward_through_writes(t):
    x = leaf(t, 3)
    y = x * x
    y[1:] = x[:2] ** 3
    y.mul_(x)
    (first,) = t.autograd.grad(y.sum(), x, create_graph=True)
    return t.autograd.grad((first * first).sum(), x)


@program
def a_gradient_penalty(t):
    x, w = leaf(t, 2, 2), leaf(t, 2, 2)
    y = (x @ w).tanh().sum()
    (g,) = t.autograd.grad(y, x, create_graph=True)
    (y + g.square().sum()).backward()
    return grads(x, w)


@program
def gradients_have_their_tensor_s_dtype(t):
    x = t.tensor([1.0, 2.0], dtype=t.float16, requires_grad=True)
    w = t.tensor(3.0, dtype=t.float64, requires_grad=True)
    v = t.tensor([2.0, 3.0], dtype=t.bfloat16, requires_grad=True)
    y = x * w + v.float() * x.double()
    y.sum().backward()
    return grads(x, w, v), y


@program
def gradients_are_not_shared(t):
    x, w = leaf(t, 2), leaf(t, 2)
    (x + w).sum().backward()
    x.grad.add_(5)
    return grads(x, w)


@program
def the_given_gradient_is_not_kept(t):
    x = leaf(t, 2)
    g = t.ones(2, dtype=t.float64)
    x.add(0).backward(g)
    x.grad.add_(5)
    return g, x.grad


@program
def an_expanded_gradient_is_made_whole(t):
    x = leaf(t, 2, 2)
    x.sum().backward()
    x.grad[0, 0] = 7
    return x.grad, x.grad.is_contiguous()


@failing
def a_gradient_of_another_size_is_not_assigned(t):
    leaf(t, 2).grad = t.zeros(3, dtype=t.float64)


@failing
def a_gradient_of_another_dtype_is_not_assigned(t):
    leaf(t, 2).grad = t.zeros(2)


@program
def a_diamond_of_two_outputs(t):
    x = leaf(t, 2)
    h = x * 2
    a, b = h.exp(), h.sin()
    return t.autograd.grad([a.sum(), b.sum()], x), t.autograd.grad(
        [x * 2, x * 3], x, grad_outputs=[x.detach(), x.detach()]
    )


# ---------------------------------------------------------------------------------------------------------------- hooks


@program
def a_hook_sees_and_replaces_the_gradient(t):
    x = leaf(t, 2)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.clone()))
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    (y * y).sum().backward()
    return seen, x.grad


@program
def a_hook_is_removed(t):
    x = leaf(t, 2)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    x.sum().backward()
    return x.grad


@program
def a_hook_on_a_leaf_sees_the_sum(t):
    x = leaf(t, 2)
    seen = []
    x.register_hook(lambda g: seen.append(g.clone()))
    (x * 2 + x * 3).sum().backward()
    return seen, x.grad


@program
def a_hook_after_accumulation(t):
    x = leaf(t, 2)
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    return seen


@program
def a_hook_of_a_tensor_written_since(t):
    x = leaf(t, 2)
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(g.clone()))
    y.mul_(3)
    y.sum().backward()
    return seen, x.grad


@program
def a_middle_gradient_is_retained(t):
    x = leaf(t, 2)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    return y.grad, y.retains_grad, x.retains_grad


def test_the_gradient_of_no_leaf_is_asked_for_with_a_warning():
    """But for one that is kept, and for what wants none."""
    x = minitorch.ones(2, requires_grad=True)
    y, kept = x * 2, x * 3
    kept.retain_grad()
    assert [kept.grad, x.grad, minitorch.ones(1).grad, y.detach().grad] == [None] * 4
    for tensor in (y, x[0]):
        with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed."):
            assert tensor.grad is None


@program
def hooks_of_nodes(t):
    x = leaf(t, 2)
    y = x * 2
    seen = []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append([outputs[0].clone(), inputs[0].clone()]))
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 3,))
    y.sum().backward()
    return seen, x.grad


@failing
def a_hook_where_there_is_no_gradient(t):
    t.zeros(2).register_hook(print)


@failing
def a_late_hook_on_a_middle_tensor(t):
    (leaf(t, 2) * 2).register_post_accumulate_grad_hook(print)


@failing
def a_late_hook_that_gives_something(t):
    x = leaf(t, 2)
    x.register_post_accumulate_grad_hook(lambda p: p.grad)
    x.sum().backward()


@failing
def nothing_to_retain(t):
    t.zeros(2).retain_grad()


# ----------------------------------------------------------------------------------------------------- without PyTorch


def test_a_long_chain_goes_back_without_recursion():
    import minitorch

    x = y = minitorch.ones(2, requires_grad=True)
    for _ in range(100_000):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


OVERLAPPING = {
    "itself": lambda z, w: z.mul_(w), "detached": lambda z, w: z.mul_(w.detach()), "a view": lambda z, w: z.mul_(w.view(4)),
    "one number": lambda z, w: z.div_(w[3]), "a part": lambda z, w: z[:2].mul_(w[:2]), "half of it": lambda z, w: z[:3].mul_(w[1:]),
    "several": lambda z, w: z.addcmul_(w.detach(), w[0]), "lerp": lambda z, w: z.lerp_(w[0], w),
}  # fmt: skip


@pytest.mark.parametrize("written", OVERLAPPING.values(), ids=OVERLAPPING)
def test_what_is_written_over_while_it_is_read_is_kept_for_backward(written):
    """As if it had been read from a copy. PyTorch refuses: when it is written if it overlaps in part, else in backward."""
    found = []
    for apart in (False, True):
        x = leaf(minitorch, 4)
        z = x * 1
        written(z, z.clone() if apart else z)
        (z * leaf(minitorch, 4)).sum().backward()
        found.append(x.grad.tolist())
    assert found[0] == found[1]


def test_a_graph_is_freed_when_its_last_tensor_goes():
    import minitorch

    gc.disable()
    try:
        x = minitorch.ones(3, requires_grad=True)
        y = x * 2
        y[0] = y[1] * 2
        y.relu_()
        node = weakref.ref(y.grad_fn)
        z = (y * y).sum()
        z.backward()
        del y, z
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("into", [torch.float32, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "copy_"])
@pytest.mark.parametrize("shape", [(2, 3), (3,), ()])
def test_gradients_have_the_dtype_of_what_was_written(into, name, shape):
    def run(torch):
        dtype = getattr(torch, str(into).split(".")[1])
        x = (torch.arange(6.0).reshape(2, 3) / 8).to(dtype)
        y = torch.full(shape, 0.5, dtype=torch.float64, requires_grad=True)
        w = torch.ones(2, 3).to(dtype).requires_grad_()
        x = x * w
        getattr(x, name)(y)
        x.abs().sum().backward()
        return x, y.grad, w.grad

    agree(run)
