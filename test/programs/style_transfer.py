"""Neural style (Gatys et al. 2015, arXiv:1508.06576): the picture itself is optimised, its Gram matrices towards another's."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


def gram_matrix(x):
    n, c, h, w = x.size()
    features = x.view(n * c, h * w)
    return torch.mm(features, features.t()).div(n * c * h * w)


class ContentLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target = target.detach()

    def forward(self, x):
        self.loss = F.mse_loss(x, self.target)
        return x


class StyleLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target = gram_matrix(target).detach()

    def forward(self, x):
        self.loss = F.mse_loss(gram_matrix(x), self.target)
        return x


class Normalization(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)

    def forward(self, x):
        return (x - self.mean) / self.std


def features():
    """Random convolutions in place of a trained network; smooth, so that two libraries stay together."""
    layers = []
    for n_in, n_out in ((3, 8), (8, 8), (8, 16)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.Softplus(), nn.AvgPool2d(2, ceil_mode=True)]
    return nn.Sequential(*layers).eval()


def with_losses(cnn, style, content):
    model = nn.Sequential(Normalization([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    content_losses, style_losses, i = [], [], 0
    for layer in cnn.children():
        if isinstance(layer, nn.Conv2d):
            i += 1
            name = f"conv_{i}"
        elif isinstance(layer, nn.Softplus):
            name = f"act_{i}"
        elif isinstance(layer, nn.AvgPool2d):
            name = f"pool_{i}"
        else:
            raise RuntimeError(f"Unrecognized layer: {layer.__class__.__name__}")
        model.add_module(name, layer)
        if name == "conv_2":
            content_losses.append(ContentLoss(model(content)))
            model.add_module(f"content_loss_{i}", content_losses[-1])
        if name.startswith("conv"):
            style_losses.append(StyleLoss(model(style)))
            model.add_module(f"style_loss_{i}", style_losses[-1])
    for last in range(len(model) - 1, -1, -1):
        if isinstance(model[last], (ContentLoss, StyleLoss)):
            break
    return model[: last + 1].requires_grad_(False), content_losses, style_losses


def total_variation(x):
    return (x[..., 1:, :] - x[..., :-1, :]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=20)
    args = parser.parse_args()

    torch.manual_seed(0)
    ramp = torch.linspace(0, 1, 16)
    waves = torch.sin(20 * ramp)[:, None].expand(16, 16), torch.cos(9 * ramp)[None].expand(16, 16), torch.outer(ramp, ramp)
    style, content = torch.stack(waves)[None] * 0.5 + 0.5, torch.rand(1, 3, 16, 16)
    model, content_losses, style_losses = with_losses(features(), style, content)
    print([name for name, _ in model.named_children()])

    picture = content.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([picture], lr=0.5)
    run = 0
    while run < args.evaluations:

        def closure():
            nonlocal run
            optimizer.zero_grad()
            model(picture)
            style_score = sum(layer.loss for layer in style_losses) * 1e3
            content_score = sum(layer.loss for layer in content_losses)
            loss = style_score + content_score + 0.1 * total_variation(picture)
            loss.backward()
            print(f"step {run} loss {loss.item():.7f} style {style_score.item():.7f}")
            run += 1
            return loss

        optimizer.step(closure)
    with torch.no_grad():
        picture.clamp_(0, 1)
    print(f"mean {picture.mean().item():.4f}")


if __name__ == "__main__":
    main()
