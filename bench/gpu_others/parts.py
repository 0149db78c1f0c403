"""What many of the steps begin with: batches, and a step of training."""

__all__ = ["BATCHES", "adamw", "batches", "classifying", "letters", "trained"]

BATCHES = 3


def batches(device, make):
    return [tuple([x.to(device) for x in make()]) for _ in range(BATCHES)]


def trained(optimizer, loss_of, clip=None):
    """One step of training."""

    def step(*batch):
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        if clip is not None:
            clip()
        optimizer.step()
        return loss

    return step


def classifying(torch, model, optimizer, device, *shape, classes=10):
    """The step of a classifier of what has this shape."""
    x_and_y = batches(device, lambda: (torch.randn(*shape), torch.randint(0, classes, (shape[0],))))
    return trained(optimizer, lambda x, y: torch.nn.functional.cross_entropy(model(x), y)), x_and_y


def letters(torch, device, count, *shape):
    return batches(device, lambda: (torch.randint(0, count, shape), torch.randint(0, count, shape)))


def adamw(torch, model, lr=1e-3, **more):
    return torch.optim.AdamW(model.parameters(), lr=lr, **more)
