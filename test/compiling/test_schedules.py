"""A sample of schedules.py: each schedule with two optimizers, each optimizer with a schedule that moves all there is to move."""

import pytest
from schedules import OPTIMIZERS, SCHEDULES, compared

import minitorch as torch
from minitorch import nn, optim

CASES = [(name, schedule, False) for schedule in SCHEDULES for name in ("SGD, momentum", "Adam")]
CASES += [("SGD, nesterov", schedule, True) for schedule in SCHEDULES if schedule != "ReduceLROnPlateau"]
CASES += [(name, "OneCycleLR", True) for name in OPTIMIZERS if name != "SGD, nesterov"]


@pytest.mark.parametrize(("name", "schedule", "inside"), CASES)
def test_an_optimizer_under_a_schedule_is_one_program(name, schedule, inside):
    assert compared(name, schedule, inside) == ("whole", 1)


def test_a_number_that_a_user_moves_is_read_anew():
    """Weight decay by hand: constant in the first program, an input from the second one on."""

    def course(wrap):
        torch.manual_seed(0)
        net, x = nn.Linear(3, 2), torch.randn(4, 3)
        optimizer = optim.AdamW(net.parameters(), lr=0.1)

        def step():
            optimizer.zero_grad()
            loss = net(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        step, found = wrap(step), []
        for k in range(20):
            found.append(step().item())
            if k > 5:
                optimizer.param_groups[0]["weight_decay"] = 0.1 * k
        return found, step

    (expected, _), (found, run) = course(lambda step: step), course(torch.compile)
    assert found == pytest.approx(expected, rel=1e-4)
    assert [len(signature.programs) for signature in run.signatures.values()] == [2]


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_rate_that_is_a_tensor_is_read_before_its_scheduler_moves_it():
    """A scheduler that steps first changes what the same step reads: that is run eagerly."""

    def course(wrap):
        torch.manual_seed(0)
        net, x = nn.Linear(3, 2), torch.randn(4, 3)
        optimizer = optim.SGD(net.parameters(), lr=torch.tensor(0.1))
        scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

        def step():
            loss = net(x).square().sum()
            loss.backward()
            scheduler.step()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        step = wrap(step)
        return [step().item() for _ in range(8)]

    with pytest.warns(UserWarning, match="runs eagerly: an optimizer steps after its scheduler"):
        assert course(torch.compile) == course(lambda step: step)
