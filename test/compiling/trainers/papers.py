"""Trainers of more models, as their papers' readers write them."""

import math

from course import STEPS, trainer


@trainer
def a_small_image_net(c):
    torch, nn = c.torch, c.nn

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
            self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, groups=2), nn.GroupNorm(2, outputs)
            self.skip = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else nn.Identity()

        def forward(self, x):
            return c.F.relu(self.bn2(self.conv2(c.F.relu(self.bn1(self.conv1(x)), inplace=True))) + self.skip(x))

    model = nn.Sequential(Block(3, 4, 1), Block(4, 8, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    optimizer, x, y = c.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), torch.randn(6, 3, 8, 8), torch.randint(0, 3, (6,))

    @c.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = c.F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(x, y))
    c.keep(model=model)


@trainer
def down_and_up_again(c):
    torch, nn = c.torch, c.nn
    down, up = nn.Conv2d(1, 4, 3, 2, 1), nn.ConvTranspose2d(4, 4, 2, 2)
    mix, out = nn.Conv2d(5, 4, 3, padding=1, padding_mode="reflect"), nn.Conv2d(4, 1, 1)
    layers = nn.ModuleList([down, up, mix, out])
    optimizer, x = c.optim.AdamW(layers.parameters(), lr=0.01), torch.rand(4, 1, 8, 8)
    wanted = (x > 0.5).float()

    @c.compile
    def step(x, wanted):
        h = c.F.gelu(up(c.F.max_pool2d(down(c.F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)), 2)))
        said = out(c.F.gelu(mix(torch.cat([x, h], 1))))
        overlap = (said.sigmoid() * wanted).sum((1, 2, 3))
        dice = 1 - (2 * overlap + 1) / (said.sigmoid().sum((1, 2, 3)) + wanted.sum((1, 2, 3)) + 1)
        loss = c.F.binary_cross_entropy_with_logits(said, wanted, pos_weight=torch.tensor(1.5)) + dice.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(x, wanted))
    c.keep(layers=layers)


@trainer
def attention_by_hand(c):
    torch, nn = c.torch, c.nn

    class Attention(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
            self.drop = nn.Dropout(0.1)
            self.register_buffer("mask", torch.tril(torch.ones(9, 9)).view(1, 1, 9, 9), persistent=False)

        def forward(self, x):
            count, length, width = x.shape
            q, k, v = (t.view(count, length, self.heads, -1).transpose(1, 2) for t in self.qkv(x).chunk(3, dim=-1))
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
            weights = self.drop(scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-inf")).softmax(-1))
            return self.out((weights @ v).transpose(1, 2).contiguous().view(count, length, width))

    model = nn.ModuleDict({"at": Attention(8, 2), "norm": nn.LayerNorm(8), "emb": nn.Embedding(7, 8), "pos": nn.Embedding(9, 8), "head": nn.Linear(8, 7)})
    optimizer, tokens = c.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.95)), torch.randint(0, 7, (3, 9))

    @c.compile
    def step(tokens):
        h = model["emb"](tokens[:, :-1]) + model["pos"](torch.arange(tokens.size(1) - 1))
        h = h + model["at"](model["norm"](h))
        loss = c.F.cross_entropy(model["head"](h).transpose(1, 2), tokens[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(tokens if k < 14 else tokens[:, :6]))
    c.keep(model=model)


@trainer
def a_vae(c):
    torch = c.torch
    encode, decode = c.network(6, 12, 4), c.network(2, 12, 6)
    optimizer, batches = c.optim.Adam([*encode.parameters(), *decode.parameters()], lr=0.01), c.batches()

    @c.compile
    def step(x, beta):
        mean, log_var = encode(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        apart = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
        loss = (c.F.mse_loss(decode(z), x, reduction="sum") + beta * apart) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, apart / len(x)

    for k in range(STEPS):
        c.note(*step(batches[k % 5][0], min(1.0, k / 10)))
    c.keep(encode=encode, decode=decode)


@trainer
def a_codebook(c):
    """The nearest code, a gradient that goes straight through, and codes that are averages of who chose them."""
    torch, nn = c.torch, c.nn

    class Codes(nn.Module):
        def __init__(self, count, width):
            super().__init__()
            self.register_buffer("codes", torch.randn(count, width))
            self.register_buffer("sizes", torch.ones(count))
            self.register_buffer("sums", self.codes.clone())

        def forward(self, z):
            apart = z.pow(2).sum(1, keepdim=True) - 2 * z @ self.codes.t() + self.codes.pow(2).sum(1)
            chosen = apart.argmin(1)
            hot = c.F.one_hot(chosen, len(self.codes)).type_as(z)
            q = hot @ self.codes
            if self.training:
                self.sizes.data.mul_(0.9).add_(hot.sum(0), alpha=0.1)
                self.sums.data.mul_(0.9).add_(hot.t() @ z.detach(), alpha=0.1)
                self.codes.data.copy_(self.sums / self.sizes.clamp(min=1e-3).unsqueeze(1))
            return z + (q - z).detach(), 0.25 * c.F.mse_loss(z, q.detach()), chosen

    encode, decode, codes, batches = c.network(6, 12, 2), c.network(2, 12, 6), Codes(5, 2), c.batches()
    optimizer = c.optim.Adam([*encode.parameters(), *decode.parameters()], lr=0.01)

    @c.compile
    def step(x):
        q, commitment, chosen = codes(encode(x))
        loss = c.F.mse_loss(decode(q), x) + commitment
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, chosen

    for k in range(STEPS):
        loss, chosen = step(batches[k % 5][0])
        c.note(loss, chosen.sum())
    c.keep(encode=encode, codes=codes)


@trainer
def a_policy(c):
    """Actions are drawn, returns summed backwards through time, and what is likely is weighted by them."""
    torch, model, value = c.torch, c.network(outputs=3), c.network(outputs=1)
    optimizer, states = c.optim.Adam([*model.parameters(), *value.parameters()], lr=0.01), torch.randn(5, 12, 6)

    @c.compile
    def step(states):
        policy = torch.distributions.Categorical(logits=model(states))
        actions = policy.sample()
        rewards = (actions == states.argmax(1) % 3).float() - 0.1
        powers = 0.95 ** torch.arange(len(states), dtype=torch.float32)
        returns = (rewards * powers).flip(0).cumsum(0).flip(0) / powers
        advantage = returns - value(states).squeeze(-1).detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        loss = -(policy.log_prob(actions) * advantage).mean() - 0.01 * policy.entropy().mean()
        loss = loss + 0.5 * c.F.smooth_l1_loss(value(states).squeeze(-1), returns)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, rewards.mean()

    for k in range(STEPS):
        c.note(*step(states[k % 5]))
    c.keep(model=model, value=value)


@trainer
def experts(c):
    """Each example goes to two of four networks; the gate is kept from liking one best."""
    torch, nn = c.torch, c.nn
    gate, nets, batches = nn.Linear(6, 4), nn.ModuleList([c.network(6, 8, 3) for _ in range(4)]), c.batches()
    optimizer = c.optim.AdamW([*gate.parameters(), *nets.parameters()], lr=0.01)

    @c.compile
    def step(x, y):
        scores = gate(x) + torch.randn(len(x), 4) * 0.1
        best, places = scores.topk(2, dim=1)
        weights = torch.zeros_like(scores).scatter(1, places, best.softmax(1))
        out = torch.stack([net(x) for net in nets], 1)
        loss = c.F.cross_entropy((weights.unsqueeze(2) * out).sum(1), y)
        share = (weights > 0).float().mean(0)
        loss = loss + 0.1 * 4 * (share * scores.softmax(1).mean(0)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(gate=gate, nets=nets)


@trainer
def inner_and_outer(c):
    """Learning to start well: steps within a step, and the gradient through them."""
    torch, model = c.torch, c.network(1, 8, 1)
    optimizer = c.optim.Adam(model.parameters(), lr=0.02)

    @c.compile
    def step(x, high, shift):
        total = 0.0
        for k in range(2):
            y = high[k] * torch.sin(x + shift[k])
            weights = {name: p for name, p in model.named_parameters()}
            for _ in range(2):
                inner = c.F.mse_loss(torch.func.functional_call(model, weights, (x[:5],)), y[:5])
                slopes = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
                weights = {name: p - 0.05 * g for (name, p), g in zip(weights.items(), slopes)}
            total = total + c.F.mse_loss(torch.func.functional_call(model, weights, (x[5:],)), y[5:])
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return total.detach() / 2

    for _ in range(STEPS):
        c.note(step(torch.rand(10, 1) * 4 - 2, torch.rand(2) + 0.5, torch.rand(2)))
    c.keep(model=model)


@trainer
def a_constraint_with_a_price(c):
    """A multiplier goes up where the others go down, and stays positive in place."""
    torch, model, batches = c.torch, c.network(), c.batches()
    price = torch.zeros(1, requires_grad=True)
    down, up = c.optim.SGD(model.parameters(), lr=0.1), c.optim.SGD([price], lr=0.5, maximize=True)

    @c.compile
    def step(x, y):
        out = model(x)
        over = out.abs().mean() - 0.3
        loss = c.F.cross_entropy(out, y) + price * over
        for optimizer in (down, up):
            optimizer.zero_grad()
        loss.sum().backward()
        for optimizer in (down, up):
            optimizer.step()
        with torch.no_grad():
            price.clamp_(min=0)
        return loss.sum().detach(), over.detach()

    for k in range(STEPS):
        c.note(*step(*batches[k % 5]))
    c.keep(model=model, price=price)


@trainer
def a_gaussian_process(c):
    torch = c.torch
    raw = torch.nn.ParameterDict({name: torch.nn.Parameter(torch.zeros(())) for name in ("length", "height", "noise")})
    optimizer, x = c.optim.Adam(raw.values(), lr=0.05), torch.linspace(0, 3, 12)
    y = torch.sin(2 * x) + 0.1 * torch.randn(12)

    @c.compile
    def step(x, y):
        length, height, noise = (c.F.softplus(raw[name]) for name in ("length", "height", "noise"))
        cov = height * torch.exp(-((x[:, None] - x[None, :]) ** 2) / (2 * length**2)) + (noise + 1e-3) * torch.eye(len(x))
        low = torch.linalg.cholesky(cov)
        half = torch.linalg.solve_triangular(low, y[:, None], upper=False)
        loss = 0.5 * half.square().sum() + low.diagonal().log().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(x, y))
    c.keep(raw=list(raw.values()))


@trainer
def second_order_by_hand(c):
    """Newton's steps on a few weights, and their Hessian from two walks back."""
    torch = c.torch
    w, (x, y) = torch.zeros(6, requires_grad=True), (torch.randn(40, 6), (torch.rand(40) < 0.4).float())

    @c.compile
    def step(x, y):
        loss = c.F.binary_cross_entropy_with_logits(x @ w, y) + 0.01 * w.square().sum()
        (g,) = torch.autograd.grad(loss, w, create_graph=True)
        rows = torch.stack([torch.autograd.grad(g[k], w, retain_graph=True)[0] for k in range(6)])
        with torch.no_grad():
            w.sub_(0.3 * torch.linalg.solve(rows, g.detach()))
        return loss.detach()

    for _ in range(STEPS):
        c.note(step(x, y))
    c.keep(w=w)


@trainer
def noise_that_is_taken_away(c):
    """A diffusion model: times drawn, sines of them, and an average of the weights that is sampled from."""
    torch = c.torch
    betas = torch.linspace(1e-3, 0.2, 10)
    left = torch.cumprod(1 - betas, 0)
    model, batches = c.network(6 + 4, 24, 6), c.batches()
    average = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, p, n: 0.9 * a + 0.1 * p)
    optimizer = c.optim.AdamW(model.parameters(), lr=0.01)

    def told(t):
        angles = t[:, None] / 10 ** torch.arange(2)
        return torch.cat([angles.sin(), angles.cos()], 1)

    @c.compile
    def step(x):
        t = torch.randint(0, 10, (len(x),))
        noise, part = torch.randn_like(x), left[t].unsqueeze(1)
        seen = part.sqrt() * x + (1 - part).sqrt() * noise
        loss = c.F.mse_loss(model(torch.cat([seen, told(t)], 1)), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        return loss

    for k in range(STEPS):
        c.note(step(batches[k % 5][0]))
    with torch.no_grad():
        x = torch.randn(4, 6)
        for t in reversed(range(10)):
            x = x - 0.1 * average(torch.cat([x, told(torch.full((4,), t))], 1))
    c.keep(model=model, average=average, x=x)


@trainer
def letters_without_places(c):
    """Speech without alignment: a recurrent net both ways, and the loss over all of them."""
    torch, nn = c.torch, c.nn
    net, head = nn.LSTM(5, 6, bidirectional=True), nn.Linear(12, 5)
    optimizer, x, y = c.optim.RMSprop([*net.parameters(), *head.parameters()], lr=0.01), torch.randn(12, 3, 5), torch.randint(1, 5, (3, 4))

    @c.compile
    def step(x, y):
        out, _ = net(x)
        loss = c.F.ctc_loss(head(out).log_softmax(-1), y, (12, 12, 12), (4, 4, 4))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(net.parameters(), 0.5)
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(x, y))
    c.keep(net=net, head=head)


@trainer
def neighbours(c):
    """A graph net: messages are added where edges lead, and nodes of which nobody knows the class don't count."""
    torch, nn = c.torch, c.nn
    edges, x, y = torch.randint(0, 10, (2, 30)), torch.randn(10, 6), torch.randint(0, 3, (10,))
    known = torch.rand(10) < 0.6
    layers = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 3)])
    optimizer = c.optim.Adam(layers.parameters(), lr=0.02, weight_decay=5e-4)

    def spread(x):
        start, end = edges
        count = torch.zeros(len(x)).scatter_add_(0, end, torch.ones(len(end))).clamp(min=1)
        return x + torch.zeros_like(x).index_add_(0, end, x[start]) / count.unsqueeze(1)

    @c.compile
    def step(x, y):
        h = c.F.dropout(layers[0](spread(x)).relu(), 0.2, training=layers.training)
        out = layers[1](spread(h))
        loss = c.F.cross_entropy(out[known], y[known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS):
        c.note(step(x, y))
    c.keep(layers=layers)


@trainer
def depth_by_chance(c):
    """Layers are left out at random, by a factor that is drawn and not by a branch."""
    torch, nn = c.torch, c.nn
    layers, head, batches = nn.ModuleList([nn.Linear(6, 6) for _ in range(4)]), nn.Linear(6, 3), c.batches()
    optimizer = c.optim.SGD([*layers.parameters(), *head.parameters()], lr=0.1)

    @c.compile
    def step(x, y):
        for k, layer in enumerate(layers):
            stays = 1 - 0.1 * k
            x = x + layer(x).tanh() * torch.empty(len(x), 1).bernoulli_(stays).div_(stays)
        loss = c.F.cross_entropy(head(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(layers=layers, head=head)
