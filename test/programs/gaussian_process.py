"""Gaussian process regression by Cholesky factors; the kernel's numbers by the marginal likelihood. And k-means for its points."""

import argparse
import math

import torch


class GP(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.log_length = torch.nn.Parameter(torch.zeros(()))
        self.log_scale = torch.nn.Parameter(torch.zeros(()))
        self.log_noise = torch.nn.Parameter(torch.tensor(-2.0))

    def kernel(self, a, b):
        return self.log_scale.exp() * torch.exp(-0.5 * torch.cdist(a, b).square() / self.log_length.exp() ** 2)

    def negative_log_likelihood(self, x, y):
        covariance = self.kernel(x, x) + self.log_noise.exp() * torch.eye(len(x))
        self.factor = torch.linalg.cholesky(covariance)
        self.weights = torch.cholesky_solve(y, self.factor)
        fit = 0.5 * y.T @ self.weights
        return (fit + self.factor.diagonal().log().sum() + 0.5 * len(x) * math.log(2 * math.pi)).squeeze()

    @torch.no_grad()
    def predict(self, x, new):
        across = self.kernel(x, new)
        v = torch.linalg.solve_triangular(self.factor, across, upper=False)
        return (across.T @ self.weights).squeeze(-1), self.kernel(new, new).diag() - (v**2).sum(0)


def kmeans(x, k, iterations=10):
    """Lloyd's algorithm from k-means++ seeds."""
    centres = [x[torch.randint(len(x), (1,)).item()]]
    while len(centres) < k:
        nearest = torch.stack([((x - c) ** 2).sum(1) for c in centres]).min(0).values
        centres.append(x[torch.multinomial(nearest / nearest.sum(), 1)].squeeze(0))
    centres = torch.stack(centres)
    for _ in range(iterations):
        owner = torch.cdist(x, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, owner, x)
        centres = sums / torch.bincount(owner, minlength=k).clamp_min(1)[:, None]
    return centres, owner


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    x = torch.linspace(0, 6, 24)[:, None]
    y = torch.sin(x) + 0.1 * torch.randn_like(x)
    gp = GP()
    optimizer = torch.optim.Rprop(gp.parameters(), lr=0.05)
    for step in range(args.steps):
        optimizer.zero_grad()
        loss = gp.negative_log_likelihood(x, y)
        loss.backward()
        optimizer.step()
        print(f"step {step} loss {loss.item():.8f}")
    mean, variance = gp.predict(x, torch.tensor([[1.0], [3.5], [9.0]]))
    print("mean", " ".join(f"{m:.6f}" for m in mean), "deviation", " ".join(f"{v.sqrt():.6f}" for v in variance))

    joint = torch.distributions.MultivariateNormal(torch.zeros(24), scale_tril=gp.factor.detach())
    print(f"likelihood {joint.log_prob(y.squeeze()).item():.6f} sample {joint.sample().sum().item():.6f}")
    blobs = torch.cat([torch.randn(40, 2) + torch.tensor(centre) for centre in ([0.0, 0.0], [5.0, 5.0], [0.0, 6.0])])
    centres, owner = kmeans(blobs, 3)
    print("sizes", torch.bincount(owner).sort().values.tolist(), f"centres {centres.norm().item():.6f}")
    _, values, directions = torch.linalg.svd(blobs - blobs.mean(0), full_matrices=False)
    print(f"singular values {values[0].item():.6f} {values[1].item():.6f} first direction {directions[0].abs()[0].item():.6f}")


if __name__ == "__main__":
    main()
