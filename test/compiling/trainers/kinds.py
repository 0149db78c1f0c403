"""Trainers of other kinds of models and losses, and of tensors that aren't all float32 and in order."""

from course import STEPS, trainer


@trainer
def tied_weights(c):
    torch, nn = c.torch, c.nn

    class Letters(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.mix = nn.Embedding(11, 8), nn.Linear(8, 8)
            self.head = nn.Linear(8, 11, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, tokens):
            return self.head(torch.tanh(self.mix(self.embedding(tokens))))

    model, tokens = Letters(), torch.randint(0, 11, (4, 9))
    optimizer = c.optim.Adam(model.parameters(), lr=0.02)

    @c.compile
    def step(tokens):
        loss = c.F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].reshape(-1), ignore_index=3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(tokens))
    c.keep(model=model)


@trainer
def a_function_of_its_own(c):
    """With a gradient of its own, which can be gone through again, and what it keeps beside tensors."""
    torch, model, batches = c.torch, c.network(), c.batches()
    optimizer = c.optim.SGD(model.parameters(), lr=0.1)

    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, slope):
            ctx.save_for_backward(x)
            ctx.slope = slope
            return x * torch.sigmoid(slope * x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            s = torch.sigmoid(ctx.slope * x)
            return g * (s + ctx.slope * x * s * (1 - s)), None

    class Reversed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return -0.1 * g

    @c.compile
    def step(x, y):
        h = Swish.apply(model[0](x), 1.5)
        loss = c.F.cross_entropy(model[2](h), y) + Reversed.apply(h).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def a_memory_that_turns(c):
    """A ring of keys is written in place, at a place that a tensor counts; the loss asks all of it."""
    torch, nn = c.torch, c.nn

    class Ring(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(6, 4)
            self.register_buffer("keys", c.F.normalize(torch.randn(24, 4), dim=1))
            self.register_buffer("at", torch.zeros(1, dtype=torch.long))

        def forward(self, x):
            q = c.F.normalize(self.net(x), dim=1)
            k = c.F.normalize(self.net(x + 0.05 * torch.randn_like(x)), dim=1).detach()
            own, others = (q * k).sum(1, keepdim=True), q @ self.keys.clone().t()
            places = (self.at + torch.arange(len(x))) % 24
            self.keys.index_copy_(0, places, k)
            self.at.add_(len(x)).remainder_(24)
            return c.F.cross_entropy(torch.cat([own, others], 1) / 0.2, torch.zeros(len(x), dtype=torch.long))

    model, batches = Ring(), c.batches(size=8)
    optimizer = c.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @c.compile
    def step(x):
        loss = model(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(batches[k % 5][0]))
    c.keep(model=model)


@trainer
def statistics_of_its_own(c):
    """A norm that isn't the library's: buffers by assignment and in place, a mode that says which."""
    torch, nn = c.torch, c.nn

    class Norm(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(size))
            self.register_buffer("mean", torch.zeros(size))
            self.register_buffer("var", torch.ones(size))
            self.register_buffer("count", torch.tensor(0.0), persistent=False)

        def forward(self, x):
            if self.training:
                mean, var = x.mean(0), x.var(0, unbiased=False)
                with torch.no_grad():
                    self.count += 1
                    rate = 1 / self.count
                    self.mean = self.mean + rate * (mean - self.mean)
                    self.var.mul_(1 - rate).add_(rate * var)
            else:
                mean, var = self.mean, self.var
            return self.scale * (x - mean) * torch.rsqrt(var + 1e-5)

    model, batches = nn.Sequential(nn.Linear(6, 8, bias=False), Norm(8), nn.ReLU(), nn.Linear(8, 3)), c.batches()
    optimizer, run = c.optim.Adam(model.parameters(), lr=0.02), c.compile(model)
    for k in range(STEPS):
        x, y = batches[k % 5]
        model.train(k % 5 != 4)
        loss = c.F.cross_entropy(run(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        c.note(loss)
    c.keep(model=model, count=model[1].count)


@trainer
def slopes_are_punished(c):
    torch, model, judge = c.torch, c.network(2, 16, 6), c.network(6, 16, 1)
    of_model, of_judge = c.optim.Adam(model.parameters(), lr=1e-2, betas=(0.0, 0.9)), c.optim.Adam(judge.parameters(), lr=1e-2, betas=(0.0, 0.9))
    real = torch.randn(12, 6)

    @c.compile
    def judged(real):
        made = model(torch.randn(len(real), 2)).detach()
        t = torch.rand(len(real), 1)
        between = (t * real + (1 - t) * made).requires_grad_(True)
        (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
        loss = judge(made).mean() - judge(real).mean() + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
        of_judge.zero_grad()
        loss.backward()
        of_judge.step()
        return loss

    @c.compile
    def made(count):
        loss = -judge(model(torch.randn(count, 2))).mean()
        of_model.zero_grad()
        loss.backward()
        of_model.step()
        return loss

    for k in range(STEPS):
        c.note(judged(real))
        if k % 3 == 2:
            c.note(made(12))
    c.keep(model=model, judge=judge)


@trainer
def inputs_out_of_order(c):
    """Transposed, strided, flipped, broadcast and overlapping windows."""
    torch, model = c.torch, c.network()
    optimizer = c.optim.SGD(model.parameters(), lr=0.05)
    wide, long, row = torch.randn(6, 16), torch.randn(32, 12), torch.randn(1, 6)
    inputs = [wide.t(), long[::2, ::2], long[:16, :6].flip(0), row.expand(16, 6), torch.randn(21).unfold(0, 6, 1)]
    targets = torch.randint(0, 6, (2, 16)).t()[:, 0] % 3

    @c.compile
    def step(x, y):
        loss = c.F.cross_entropy(model(x), y) + (x.t() @ x).diagonal().mean() * 0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(inputs[k // 4], targets))
    c.keep(model=model)


@trainer
def heads_by_name(c):
    nn = c.nn
    body = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 8)])
    heads = nn.ModuleDict({"color": nn.Linear(8, 3), "size": nn.Linear(8, 1)})
    optimizer, batches = c.optim.Adam([*body.parameters(), *heads.parameters()], lr=0.01), c.batches()

    @c.compile
    def step(x, y, task):
        h = body[0](x)
        for layer in body[1:]:
            h = h + c.F.elu(layer(h))
        out = heads[task](h)
        loss = c.F.cross_entropy(out, y) if task == "color" else c.F.l1_loss(out.squeeze(1), y.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"task": task, "loss": loss.detach()}

    for k in range(STEPS):
        c.note(step(*batches[k % 5], ["color", "size"][k % 2])["loss"])
    c.keep(body=body, heads=heads)


@trainer
def an_ensemble_at_once(c):
    """Models stacked, run by ``vmap`` of ``functional_call``, and trained by gradients of the sum."""
    func = c.torch.func
    models, ((x, y), *_) = [c.network(hidden=8) for _ in range(3)], c.batches()
    weights, _ = func.stack_module_state(models)
    weights = {name: p.detach().clone() for name, p in weights.items()}
    base = c.network(hidden=8)

    def loss_of(weights, x, y):
        return c.F.cross_entropy(func.functional_call(base, weights, (x,)), y)

    @c.compile
    def step(weights, x, y):
        slopes, losses = func.vmap(func.grad_and_value(loss_of), in_dims=(0, None, None))(weights, x, y)
        return {name: p - 0.1 * slopes[name] for name, p in weights.items()}, losses

    for _ in range(STEPS):
        weights, losses = step(weights, x, y)
        c.note(*losses)
    c.keep(weights=list(weights.values()))


@trainer
def one_graph_gone_back_twice(c):
    """Two losses of one forward, whose gradients are made apart and one turned against the other."""
    torch, model, batches = c.torch, c.network(outputs=4), c.batches()
    optimizer = c.optim.SGD(model.parameters(), lr=0.05)

    @c.compile
    def step(x, y):
        out = model(x)
        classes, sizes = c.F.cross_entropy(out[:, :3], y), c.F.mse_loss(out[:, 3], y.float())
        optimizer.zero_grad()
        classes.backward(retain_graph=True)
        first = [p.grad.clone() for p in model.parameters()]
        optimizer.zero_grad()
        sizes.backward()
        with torch.no_grad():
            along = sum((a * p.grad).sum() for a, p in zip(first, model.parameters()))
            size = sum(a.square().sum() for a in first)
            for a, p in zip(first, model.parameters()):
                p.grad.add_(a - torch.where(along < 0, along / size, torch.zeros(())) * a)
        optimizer.step()
        return classes.detach() + sizes.detach()

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def chains_of_where(c):
    torch, model, batches = c.torch, c.network(outputs=1), c.batches()
    optimizer = c.optim.Rprop(model.parameters(), lr=0.01)

    @c.compile
    def step(x, y):
        off = model(x).squeeze(-1) - y
        size = off.abs()
        each = torch.where(size < 0.5, off**2, torch.where(size < 1.5, size - 0.25, torch.where(off > 0, size.sqrt(), 2 * size)))
        each = torch.where(torch.isfinite(each) & ~(y == 2), each, 0.1)
        loss = each.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def complex_weights(c):
    torch = c.torch
    w, b = (torch.nn.Parameter(torch.randn(shape, dtype=torch.complex64) * 0.3) for shape in ((4, 6), (4,)))
    optimizer, x = c.optim.Adam([w, b], lr=0.02), torch.randn(16, 6, dtype=torch.complex64)
    wanted = torch.randn(16, 4).abs()

    @c.compile
    def step(x, wanted):
        z = x @ w.t().conj_physical() + b
        z = torch.polar(torch.tanh(z.abs()), z.angle())
        loss = (torch.view_as_real(z).square().sum(-1).sqrt() - wanted).square().mean() + 1e-2 * (z * z.conj()).real.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(x, wanted))
    c.keep(w=w, b=b)


@trainer
def spectra(c):
    torch, size = c.torch, 16
    signal, taps = torch.randn(8, size), torch.nn.Parameter(torch.randn(size // 2 + 1, dtype=torch.complex64) * 0.1)
    optimizer, wanted = c.optim.SGD([taps], lr=0.5), torch.roll(signal, 2, dims=1)

    @c.compile
    def step(signal):
        out = torch.fft.irfft(torch.fft.rfft(signal) * taps, n=size)
        loss = c.F.mse_loss(out, wanted) + 1e-3 * torch.fft.fft(out).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(signal))
    c.keep(taps=taps)


@trainer
def bfloat16_weights_and_float_copies(c):
    torch, batches = c.torch, c.batches()
    model = c.network().bfloat16()
    copies = [p.detach().float() for p in model.parameters()]
    optimizer = c.optim.SGD(copies, lr=0.1, momentum=0.9)

    @c.compile
    def step(x, y):
        loss = c.F.cross_entropy(model(x.bfloat16()).float(), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for copy, p in zip(copies, model.parameters()):
                copy.grad = p.grad.float()
        optimizer.step()
        with torch.no_grad():
            for copy, p in zip(copies, model.parameters()):
                p.copy_(copy)
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def cast_on_its_own(c):
    torch, model, batches = c.torch, c.network(), c.batches()
    optimizer = c.optim.AdamW(model.parameters(), lr=0.01)

    @c.compile
    def step(x, y):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x)
            loss = c.F.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.float(), out

    for k in range(STEPS):
        loss, out = step(*batches[k % 5])
        assert out.dtype == torch.bfloat16
        c.note(loss)
    c.keep(model=model)


@trainer
def whole_numbers_for_targets(c):
    """int8 and int32 targets, weights of classes, targets to ignore, counts by bincount and one_hot."""
    torch, model, batches = c.torch, c.network(outputs=4), c.batches(classes=4)
    optimizer, seen = c.optim.Adagrad(model.parameters(), lr=0.1), torch.zeros(4, dtype=torch.int32)

    @c.compile
    def step(x, y):
        y = y.long()
        seen.add_(c.F.one_hot(y, 4).sum(0).int())
        weight = seen.sum() / (4.0 * seen.clamp(min=1))
        out = model(x).log_softmax(1)
        loss = c.F.nll_loss(out, torch.where(y == 2, -100, y), weight=weight)
        right = (out.argmax(1) == y).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, right

    for k in range(STEPS):
        x, y = batches[k % 5]
        c.note(*step(x, y.to(torch.int8 if k < 8 else torch.int32)))
    c.keep(model=model, seen=seen)


@trainer
def bags_and_blanks(c):
    torch, nn = c.torch, c.nn
    model = nn.ModuleDict({"bag": nn.EmbeddingBag(20, 6, mode="mean"), "word": nn.Embedding(20, 6, padding_idx=0), "out": nn.Linear(12, 2)})
    optimizer, tokens, y = c.optim.SGD(model.parameters(), lr=0.3), torch.randint(0, 20, (8, 5)), torch.randint(0, 2, (8,))

    @c.compile
    def step(tokens, y):
        words, there = model["word"](tokens), (tokens != 0).unsqueeze(-1)
        pooled = (words * there).sum(1) / there.sum(1).clamp(min=1)
        loss = c.F.cross_entropy(model["out"](torch.cat([model["bag"](tokens), pooled], 1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(tokens, y))
    c.keep(model=model)


@trainer
def hardest_examples(c):
    """The loss of those that are worst, and of the nearest wrong one of each."""
    torch, model, batches = c.torch, c.network(outputs=4), c.batches()
    optimizer = c.optim.Adam(model.parameters(), lr=0.01)

    @c.compile
    def step(x, y):
        z = c.F.normalize(model(x), dim=1)
        apart, same = torch.cdist(z, z), y[:, None] == y[None, :]
        own = apart.masked_fill(~same, 0.0).amax(1)
        other = apart.masked_fill(same, 9.0).min(1).values
        each = c.F.relu(own - other + 0.3)
        worst, places = each.topk(6)
        loss = worst.mean() + 0.01 * each.sort(descending=True).values[:3].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, places

    for k in range(STEPS):
        loss, places = step(*batches[k % 5])
        c.note(loss, places.sum())
    c.keep(model=model)


@trainer
def mixed_examples(c):
    """Mixup and cut-out, with draws of every kind."""
    torch, model, batches = c.torch, c.network(), c.batches()
    optimizer = c.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @c.compile
    def step(x, y):
        part, order = torch.rand(len(x), 1) * 0.5 + 0.5, torch.randperm(len(x))
        hidden = torch.bernoulli(torch.full_like(x, 0.1)).bool() | (torch.rand_like(x) < 0.05)
        mixed = (part * x + (1 - part) * x[order]).masked_fill(hidden, 0.0) + torch.empty_like(x).normal_(0, 0.01)
        out = c.F.dropout(model(mixed), 0.1, training=True).log_softmax(1)
        hot = part * c.F.one_hot(y, 3) + (1 - part) * c.F.one_hot(y[order], 3)
        loss = -(hot * out).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(model=model)
