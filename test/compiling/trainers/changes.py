"""Trainers in which something changes on the way: what is trained, by what numbers, in which mode, on batches of which size."""

import copy

from course import STEPS, trainer


@trainer
def trained_and_evaluated_by_one_function(c):
    torch, nn = c.torch, c.nn
    model = nn.Sequential(nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer, batches = c.optim.AdamW(model.parameters(), lr=0.01), c.batches()

    @c.compile
    def run(x, y, training):
        model.train(training)
        with torch.set_grad_enabled(training):
            loss = c.F.cross_entropy(model(x), y)
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach()

    for k in range(STEPS):
        c.note(run(*batches[k % 5], k % 3 != 2))
    c.keep(model=model)


@trainer
def layers_thawed_one_by_one(c):
    nn, batches = c.nn, c.batches()
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    for p in model[:-1].parameters():
        p.requires_grad = False
    optimizer = c.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9)

    @c.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = c.F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        if k in (6, 13):
            layer = model[2 if k == 6 else 0]
            for p in layer.parameters():
                p.requires_grad = True
            optimizer.add_param_group({"params": list(layer.parameters()), "lr": 0.02})
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def a_small_last_batch_with_norms(c):
    torch, nn = c.torch, c.nn
    model = nn.Sequential(nn.Linear(6, 12, bias=False), nn.BatchNorm1d(12, momentum=0.2), nn.LeakyReLU(0.1), nn.LayerNorm(12), nn.Linear(12, 3))
    optimizer = c.optim.Adam(model.parameters(), lr=0.01)
    x, y = torch.randn(37, 6), torch.randint(0, 3, (37,))

    @c.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = c.F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(5):
        for places in torch.randperm(37).split(10):
            c.note(step(x[places], y[places]))
    c.keep(model=model)


@trainer
def groups_with_numbers_of_their_own(c):
    model, batches = c.network(), c.batches()
    named = dict(model.named_parameters())
    decays = [p for name, p in named.items() if name.endswith("weight")]
    others = [p for name, p in named.items() if name.endswith("bias")]
    optimizer = c.optim.AdamW([{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0, "lr": 0.05}], lr=0.01)

    @c.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = c.F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        if k == 7:
            optimizer.param_groups[0]["weight_decay"] = 0.01
        if k == 12:
            optimizer.param_groups[1]["betas"] = (0.8, 0.99)
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - k / STEPS)
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def one_cycle(c):
    model, batches = c.network(), c.batches()
    optimizer = c.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-3)
    scheduler = c.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=STEPS)

    @c.compile
    def step(x, y):
        loss = c.F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]), scheduler.get_last_lr()[0])
    c.keep(model=model)


@trainer
def the_optimizer_is_another_half_way(c):
    model, batches = c.network(), c.batches()

    def stepping(optimizer):
        @c.compile
        def step(x, y):
            optimizer.zero_grad()
            loss = c.F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    steps = [stepping(c.optim.Adam(model.parameters(), lr=0.02)), stepping(c.optim.SGD(model.parameters(), lr=0.05))]
    for k in range(STEPS):
        c.note(steps[k >= STEPS // 2](*batches[k % 5]))
    c.keep(model=model)


@trainer
def accumulated_over_four(c):
    """By two functions: gradients gather in one, and the other steps."""
    model, batches = c.network(), c.batches()
    optimizer = c.optim.RAdam(model.parameters(), lr=0.02)

    @c.compile
    def gather(x, y):
        loss = c.F.cross_entropy(model(x), y) / 4
        loss.backward()
        return loss

    @c.compile
    def move():
        norm = c.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return norm

    for k in range(STEPS):
        c.note(gather(*batches[k % 5]))
        if k % 4 == 3:
            c.note(move())
    c.keep(model=model)


@trainer
def a_head_is_replaced(c):
    """As in fine-tuning: the body stays, and learns slowly, the head is new and has more classes."""
    nn = c.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = nn.Sequential(nn.Linear(6, 16), nn.ReLU()), nn.Linear(16, 3)

        def forward(self, x):
            return self.fc(self.body(x))

    model, batches = Net(), c.batches()
    run = c.compile(model)
    for k in range(STEPS):
        if k in (0, STEPS // 2):
            if k:
                model.fc = nn.Linear(16, 5)
                nn.init.xavier_normal_(model.fc.weight)
                nn.init.zeros_(model.fc.bias)
            optimizer = c.optim.Adam([{"params": model.body.parameters(), "lr": 1e-3}, {"params": model.fc.parameters()}], lr=1e-2)
        x, y = batches[k % 5]
        loss = c.F.cross_entropy(run(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        c.note(loss)
    c.keep(model=model)


@trainer
def a_teacher_that_follows(c):
    """A teacher's weights follow the student's, ever more slowly; what it says is compared with, without gradients."""
    torch, model = c.torch, c.network(outputs=8)
    teacher, batches = copy.deepcopy(model).requires_grad_(False).eval(), c.batches()
    optimizer, center = c.optim.AdamW(model.parameters(), lr=0.01), torch.zeros(8)

    @c.compile
    def step(x, tau):
        one, other = (x + 0.1 * torch.randn_like(x) for _ in range(2))
        with torch.no_grad():
            wanted = ((teacher(one) - center) / 0.1).softmax(-1)
            center.lerp_(teacher(one).mean(0), 0.1)
        loss = -(wanted * (model(other) / 0.3).log_softmax(-1)).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(teacher.parameters(), model.parameters()):
                a.mul_(tau).add_(b, alpha=1 - tau)
        return loss

    for k in range(STEPS):
        c.note(step(batches[k % 5][0], 1 - 0.1 / (1 + k)))
    c.keep(model=model, teacher=teacher, center=center)


@trainer
def a_curriculum(c):
    """Sequences become longer, noise becomes less, and the temperature falls."""
    torch, nn = c.torch, c.nn
    model, head = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 4)
    optimizer, x = c.optim.Adam([*model.parameters(), *head.parameters()], lr=0.02), torch.randn(6, 9, 4)

    @c.compile
    def step(x, noise):
        out, _ = model(x[:, :-1] + noise * torch.randn(len(x), x.size(1) - 1, 4))
        loss = c.F.mse_loss(head(out), x[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(x[:, : 3 if k < 7 else 6 if k < 14 else 9], 0.5**k))
    c.keep(model=model, head=head)


@trainer
def precision_changes(c):
    """A double model becomes a float one, and a bfloat16 copy is asked."""
    model, batches = c.network().double(), c.batches()
    run = c.compile(model)
    for k in range(STEPS):
        if k == STEPS // 2:
            model.float()
        if k % 10 == 0:
            optimizer = c.optim.SGD(model.parameters(), lr=0.2)
        x, y = batches[k % 5]
        loss = c.F.cross_entropy(run(x.to(next(model.parameters()).dtype)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        c.note(loss)
    half = copy.deepcopy(model).bfloat16()
    c.keep(model=model, asked=half(batches[0][0].bfloat16()).argmax(1))
