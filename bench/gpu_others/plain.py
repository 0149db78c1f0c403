"""Plain networks, and what isn't one: policies, equations, flows, a Gaussian process."""

import math

from .parts import adamw, batches, classifying, trained

__all__ = [
    "accumulated", "alone", "diffusion", "flow", "gaussian_process", "graph_network", "neural_ode", "pairs", "physics",
    "policy", "q_learning", "recommender", "taught", "vae", "words",
]  # fmt: skip


def vae(torch, device, real):
    """Noise in the middle (Kingma & Welling 2014), which is given, so that all agree."""
    nn, F = torch.nn, torch.nn.functional
    batch, width = (128, 400) if real else (5, 9)
    encoder = nn.Sequential(nn.Linear(784, width), nn.ReLU())
    decoder = nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, 784))
    model = nn.ModuleList([encoder, decoder, nn.Linear(width, 20), nn.Linear(width, 20)]).to(device)

    def loss_of(x, noise):
        h = encoder(x)
        mu, log_var = model[2](h), model[3](h)
        y = torch.sigmoid(decoder(mu + noise * torch.exp(0.5 * log_var)))
        found = F.binary_cross_entropy(y, x, reduction="sum")
        return (found - 0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())) / len(x)

    data = batches(device, lambda: (torch.rand(batch, 784), torch.randn(batch, 20)))
    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), data


def recommender(torch, device, real):
    """Large embeddings, their sums over bags, crossed features (Naumov et al. 2019)."""
    nn, F = torch.nn, torch.nn.functional
    users, items, width, batch = (50000, 20000, 64, 4096) if real else (30, 20, 4, 9)

    class Recommender(nn.Module):
        def __init__(self):
            super().__init__()
            self.user, self.item = nn.Embedding(users, width), nn.Embedding(items, width)
            self.history, self.bias = nn.EmbeddingBag(items, width, mode="mean"), nn.Embedding(items, 1)
            self.mlp = nn.Sequential(nn.Linear(3 * width + 3, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))

        def forward(self, user, item, history):
            u, i, h = self.user(user), self.item(item), self.history(history)
            stacked = torch.stack([u, i, h], dim=1)
            crossed = torch.bmm(stacked, stacked.transpose(1, 2))
            a, b = torch.triu_indices(3, 3, offset=1, device=user.device)
            features = torch.cat([u, i, h, crossed[:, a, b]], dim=1)
            return self.mlp(features).squeeze(-1) + self.bias(item).squeeze(-1)

    model = Recommender().to(device)

    def make():
        user, item, history = [torch.randint(0, n, shape) for n, shape in ((users, (batch,)), (items, (batch,)), (items, (batch, 10)))]
        return user, item, history, torch.rand(batch)

    loss_of = lambda *batch: F.binary_cross_entropy_with_logits(model(*batch[:3]), batch[3])  # noqa: E731
    return trained(torch.optim.Adagrad(model.parameters(), lr=0.02), loss_of), batches(device, make)


def graph_network(torch, device, real):
    """Neighbours are added up by index_add (Kipf & Welling 2017)."""
    nn, F = torch.nn, torch.nn.functional
    nodes, edges, width = (2708, 10556, 64) if real else (12, 30, 5)

    class Layer(nn.Module):
        def __init__(self, before, after):
            super().__init__()
            self.linear = nn.Linear(before, after)

        def forward(self, x, source, target):
            degree = torch.zeros(len(x), device=x.device).index_add(0, target, torch.ones(len(target), device=x.device)).clamp(min=1)
            norm = (degree[source] * degree[target]).rsqrt()
            y = self.linear(x)
            return torch.zeros_like(y).index_add_(0, target, y[source] * norm[:, None])

    first, second = Layer(100, width).to(device), Layer(width, 7).to(device)
    trains = (torch.rand(nodes) < 0.4).to(device)

    def loss_of(x, y, source, target):
        out = second(F.relu(first(x, source, target)), source, target)
        return F.nll_loss(F.log_softmax(out, dim=1)[trains], y[trains])

    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.01, weight_decay=5e-4)

    def make():
        source, target = torch.randint(0, nodes, (edges,)), torch.randint(0, nodes, (edges,))
        return torch.randn(nodes, 100), torch.randint(0, 7, (nodes,)), source, target

    return trained(optimizer, loss_of), batches(device, make)


def policy(torch, device, real):
    """Proximal policy optimisation: ratios, clipped, with entropy (Schulman et al. 2017)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (64, 512) if real else (5, 7)

    class Agent(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
            self.actor, self.critic = nn.Linear(width, 4), nn.Linear(width, 1)

        def forward(self, x):
            h = self.body(x)
            return torch.distributions.Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)

    model = Agent().to(device)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)

    def loss_of(x, action, before, gain, returns):
        chosen, value = model(x)
        ratio = (chosen.log_prob(action) - before).exp()
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        lost = -torch.min(ratio * gain, torch.clamp(ratio, 0.8, 1.2) * gain).mean()
        return lost + 0.5 * F.mse_loss(value, returns) - 0.01 * chosen.entropy().mean()

    def make():
        return torch.randn(batch, 8), torch.randint(0, 4, (batch,)), -torch.rand(batch) - 1, torch.randn(batch), torch.randn(batch)

    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5)  # noqa: E731
    return trained(torch.optim.Adam(model.parameters(), lr=3e-4, eps=1e-5), loss_of, clip), batches(device, make)


def q_learning(torch, device, real):
    """A second network that follows the first (Mnih et al. 2015)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (128, 256) if real else (5, 7)

    def network():
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3)).to(device)

    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    optimizer = adamw(torch, online, 1e-3, amsgrad=True)

    def step(x, action, reward, after, ended):
        chosen = online(x).gather(1, action.unsqueeze(1)).squeeze(1)
        with torch.no_grad():
            best = target(after).max(1).values
        loss = F.smooth_l1_loss(chosen, reward + 0.99 * best * (1 - ended))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(online.parameters(), 100)
        optimizer.step()
        with torch.no_grad():
            for p, q in zip(target.parameters(), online.parameters()):
                p.mul_(0.995).add_(q, alpha=0.005)
        return loss

    def make():
        ended = (torch.rand(batch) < 0.1).float()
        return torch.randn(batch, 4), torch.randint(0, 3, (batch,)), torch.randn(batch), torch.randn(batch, 4), ended

    return step, batches(device, make)


def diffusion(torch, device, real):
    """Noise is told from a point at a time, which is embedded (Ho et al. 2020); a mean of the weights is kept."""
    nn, F = torch.nn, torch.nn.functional
    width, batch, times = (256, 1024, 1000) if real else (6, 7, 10)

    class Denoiser(nn.Module):
        def __init__(self):
            super().__init__()
            self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
            self.first, self.last = nn.Linear(2, width), nn.Linear(width, 2)
            self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])

        def forward(self, x, t):
            rates = torch.exp(-math.log(10000) * torch.arange(32, dtype=torch.float32, device=x.device) / 32)
            angles = t[:, None].float() * rates[None]
            h, time = self.first(x), self.time(torch.cat([angles.sin(), angles.cos()], dim=-1))
            for layer in self.layers:
                h = h + F.silu(layer(h + time))
            return self.last(h)

    model = Denoiser().to(device)
    kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, times), dim=0).to(device)
    mean = [p.detach().clone() for p in model.parameters()]
    inner = trained(adamw(torch, model), lambda x, t, noise: F.mse_loss(model(noised(x, t, noise), t), noise))

    def noised(x, t, noise):
        share = kept[t].unsqueeze(1)
        return share.sqrt() * x + (1 - share).sqrt() * noise

    def step(x, t, noise):
        loss = inner(x, t, noise)
        with torch.no_grad():
            for m, p in zip(mean, model.parameters()):
                m.lerp_(p, 0.01)
        return loss

    return step, batches(device, lambda: (torch.randn(batch, 2), torch.randint(0, times, (batch,)), torch.randn(batch, 2)))


def neural_ode(torch, device, real):
    """A field whose flow is followed by Runge and Kutta's steps (Chen et al. 2018)."""
    nn = torch.nn
    width, batch, steps = (64, 256, 10) if real else (5, 7, 3)
    field = nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2)).to(device)

    def slope(t, y):
        return field(torch.cat([y, torch.full_like(y[:, :1], t)], 1))

    def loss_of(y, target):
        h = 1.0 / steps
        for k in range(steps):
            t = k * h
            k1 = slope(t, y)
            k2 = slope(t + h / 2, y + h / 2 * k1)
            k3 = slope(t + h / 2, y + h / 2 * k2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(t + h, y + h * k3))
        return ((y - target) ** 2).mean()

    data = batches(device, lambda: (torch.randn(batch, 2), torch.randn(batch, 2)))
    return trained(torch.optim.Adam(field.parameters(), lr=1e-3), loss_of), data


def physics(torch, device, real):
    """A wave's equation in float64: second derivatives within the loss (Raissi et al. 2019)."""
    nn, slopes = torch.nn, torch.autograd.grad
    width, points = (50, 2000) if real else (5, 9)
    layers = [x for _ in range(3) for x in (nn.Linear(width, width), nn.Tanh())]
    model = nn.Sequential(nn.Linear(2, width), nn.Tanh(), *layers, nn.Linear(width, 1)).double().to(device)

    def loss_of(inside, start):
        inside = inside.clone().requires_grad_(True)
        u = model(inside)
        first = slopes(u.sum(), inside, create_graph=True)[0]
        u_xx = slopes(first[:, 0].sum(), inside, create_graph=True)[0][:, 0]
        u_tt = slopes(first[:, 1].sum(), inside, create_graph=True)[0][:, 1]
        begun = model(start).squeeze(1) - torch.sin(math.pi * start[:, 0])
        return (u_tt - 4 * u_xx).pow(2).mean() + 10 * begun.pow(2).mean()

    def make():
        start = torch.rand(points // 4, 2, dtype=torch.float64)
        start[:, 1] = 0
        return torch.rand(points, 2, dtype=torch.float64), start

    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), batches(device, make)


def accumulated(torch, device, real):
    """Four small batches to a step, dropout off, odd widths, batch 13."""
    nn, F = torch.nn, torch.nn.functional
    model = nn.Sequential(nn.Linear(33, 100), nn.ELU(), nn.LayerNorm(100), nn.Linear(100, 7)).to(device)
    optimizer = torch.optim.NAdam(model.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        total = 0.0
        for x_part, y_part in zip(x.chunk(4), y.chunk(4)):
            loss = F.cross_entropy(model(x_part), y_part) / 4
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        return total

    return step, batches(device, lambda: (torch.randn(52, 33), torch.randint(0, 7, (52,))))


def alone(torch, device, real):
    """One image at a time."""
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 120),
        nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    ).to(device)  # fmt: skip
    return classifying(torch, model, torch.optim.SGD(model.parameters(), lr=0.01), device, 1, 1, 28, 28)


def pairs(torch, device, real):
    """Two views of a picture are told from all others (SimCLR, Chen et al. 2020)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (256, 512) if real else (5, 6)
    model = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 64)).to(device)

    def loss_of(a, b):
        z = F.normalize(torch.cat([model(a), model(b)]), dim=1)
        near = z @ z.T / 0.5
        near = near.masked_fill(torch.eye(2 * batch, dtype=torch.bool, device=z.device), -1e9)
        return F.cross_entropy(near, torch.arange(2 * batch, device=z.device).roll(batch))

    return trained(adamw(torch, model), loss_of), batches(device, lambda: (torch.randn(batch, width), torch.randn(batch, width)))


def words(torch, device, real):
    """A softmax over many words, embeddings that are its weights, dropout with the GPU's own numbers."""
    nn, F = torch.nn, torch.nn.functional
    count, width, batch = (32000, 256, 1024) if real else (50, 6, 9)
    embedding, hidden = nn.Embedding(count, width).to(device), nn.Linear(4 * width, width).to(device)
    optimizer = torch.optim.SGD([*embedding.parameters(), *hidden.parameters()], lr=0.1)

    def loss_of(x, y):
        h = torch.tanh(hidden(embedding(x).flatten(1)))
        return F.cross_entropy(F.dropout(h, 0.1) @ embedding.weight.t(), y)

    return trained(optimizer, loss_of), batches(device, lambda: (torch.randint(0, count, (batch, 4)), torch.randint(0, count, (batch,))))


def flow(torch, device, real):
    """Halves that are shifted and scaled by each other (RealNVP, Dinh et al. 2017)."""
    nn = torch.nn
    width, batch = (128, 1024) if real else (5, 7)
    nets = nn.ModuleList([nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 6)) for _ in range(6)]).to(device)

    def loss_of(x):
        total = torch.zeros(len(x), device=x.device)
        for net in nets:
            a, b = x[:, :3], x[:, 3:]
            scale, shift = net(a).chunk(2, dim=1)
            scale = torch.tanh(scale)
            x = torch.cat([b * scale.exp() + shift, a], dim=1)
            total = total + scale.sum(1)
        return (0.5 * (x * x).sum(1) + 3 * math.log(2 * math.pi) - total).mean()

    return trained(torch.optim.Adam(nets.parameters(), lr=1e-3), loss_of), batches(device, lambda: (torch.randn(batch, 6),))


def taught(torch, device, real):
    """A small network learns a large one's answers (Hinton et al. 2015)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (1024, 256) if real else (9, 5)
    teacher = nn.Sequential(nn.Linear(100, width), nn.ReLU(), nn.Linear(width, 10)).to(device).eval()
    student = nn.Sequential(nn.Linear(100, 50), nn.PReLU(), nn.Linear(50, 10)).to(device)

    def loss_of(x, y):
        with torch.no_grad():
            known = F.softmax(teacher(x) / 4, dim=-1)
        out = student(x)
        return 16 * F.kl_div(F.log_softmax(out / 4, dim=-1), known, reduction="batchmean") + F.cross_entropy(out, y)

    data = batches(device, lambda: (torch.randn(batch, 100), torch.randint(0, 10, (batch,))))
    return trained(adamw(torch, student), loss_of), data


def gaussian_process(torch, device, real):
    """A likelihood by a Cholesky factor."""
    points = 256 if real else 9
    length, noise, scale = [torch.nn.Parameter(torch.tensor(x, device=device)) for x in (0.0, -1.0, 0.0)]

    def loss_of(x, y):
        apart = ((x[:, None] - x[None]) ** 2).sum(-1)
        covariance = scale.exp() * torch.exp(-0.5 * apart / length.exp() ** 2) + noise.exp() * torch.eye(points, device=x.device)
        factor = torch.linalg.cholesky(covariance)
        return 0.5 * (y.T @ torch.cholesky_solve(y, factor)).squeeze() + torch.log(torch.diagonal(factor)).sum()

    optimizer = torch.optim.Adam([length, noise, scale], lr=0.01)
    return trained(optimizer, loss_of), batches(device, lambda: (torch.randn(points, 2), torch.randn(points, 1)))
