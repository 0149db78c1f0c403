"""Learning rates and counts of schedulers that the user's own code reads in a compiled step, while they change."""

import pytest
from courses import agrees

pytestmark = pytest.mark.usefixtures("answers")

READ = {
    "returned": lambda loss, optimizer, scheduler: (loss, optimizer.param_groups[0]["lr"]),
    "computed with": lambda loss, optimizer, scheduler: loss * optimizer.param_groups[0]["lr"],
    "of all groups": lambda loss, optimizer, scheduler: [loss * group["lr"] for group in optimizer.param_groups],
    "decided by": lambda loss, optimizer, scheduler: loss * 2 if optimizer.param_groups[0]["lr"] < 0.04 else loss,
    "beside a number": lambda loss, optimizer, scheduler: loss.item() * optimizer.param_groups[0]["lr"],
    "of a scheduler": lambda loss, optimizer, scheduler: (loss, scheduler.get_last_lr()[0]),
    "of a scheduler, computed with": lambda loss, optimizer, scheduler: loss * scheduler.get_last_lr()[0],
    "epochs": lambda loss, optimizer, scheduler: (loss, scheduler.last_epoch),
    "momentum": lambda loss, optimizer, scheduler: loss * optimizer.param_groups[0]["momentum"],
}


def reading(read, inside):
    """A course: a step reads something, and the scheduler steps after it or ``inside`` of it."""

    def course(torch, compiled):
        w = torch.nn.Parameter(torch.ones(3))
        optimizer = torch.optim.SGD([w], 0.1, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)

        def step(x):
            optimizer.zero_grad()
            loss = (x * w).square().sum()
            loss.backward()
            optimizer.step()
            if inside:
                scheduler.step()
            return read(loss, optimizer, scheduler)

        step = compiled(step)
        for k in range(12):
            yield step(torch.arange(3.0)), w
            if not inside:
                scheduler.step()
            if k == 9:
                optimizer.param_groups[0]["momentum"] = 0.5

    return course


def a_tensor_for_a_number(torch, compiled):
    """A rate that is a number, then a Tensor, which is written to, then a number again."""
    w = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([w], 0.1, momentum=0.9)
    (group,) = optimizer.param_groups

    def step(x):
        optimizer.zero_grad()
        loss = (x * w).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    step = compiled(step)
    for k in range(16):
        if k in (5, 12):
            group["lr"] = torch.tensor(0.01 * k)
        elif k in (8, 14):
            group["lr"].mul_(0.5)
        elif k == 9:
            group["lr"] = 0.03
        yield step(torch.arange(3.0)), w


COURSES = {f"{name}, {'inside' if inside else 'outside'}": reading(read, inside) for name, read in READ.items() for inside in (False, True)}
COURSES["a Tensor for a number"] = a_tensor_for_a_number


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_agrees_with_pytorch(course):
    agrees(course)
