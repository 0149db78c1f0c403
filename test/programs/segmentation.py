"""U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with the Dice loss; a GradScaler that is off, channels_last, augmentation by flips."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.SiLU(inplace=True),
            nn.Conv2d(n_out, n_out, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.SiLU(inplace=True),
        )  # fmt: skip

    def forward(self, x):
        return self.double_conv(x)


class Up(nn.Module):
    def __init__(self, n_in, n_out, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(n_in, n_out, 1))
        else:
            self.up = nn.ConvTranspose2d(n_in, n_out, kernel_size=2, stride=2)
        self.conv = DoubleConv(2 * n_out, n_out)

    def forward(self, x, skip):
        x = self.up(x)
        dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([skip, x], dim=1))


class UNet(nn.Module):
    def __init__(self, channels, classes, bilinear=False):
        super().__init__()
        self.inc = DoubleConv(channels, 6)
        self.down1, self.down2 = (nn.Sequential(nn.MaxPool2d(2), DoubleConv(n, 2 * n)) for n in (6, 12))
        self.up1, self.up2 = Up(24, 12, bilinear), Up(12, 6, bilinear)
        self.outc = nn.Conv2d(6, classes, kernel_size=1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        return self.outc(self.up2(self.up1(self.down2(x2), x2), x1))


def dice_coefficient(input, target, epsilon=1e-6):
    inter = 2 * (input * target).sum(dim=(-1, -2))
    sets = input.sum(dim=(-1, -2)) + target.sum(dim=(-1, -2))
    sets = torch.where(sets == 0, inter, sets)
    return ((inter + epsilon) / (sets + epsilon)).mean()


def discs(batch, size=14):
    """Noisy pictures of one disc each, and where it is."""
    grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="xy")).float()
    centre, radius = torch.rand(batch, 2, 1, 1) * size, 2 + 3 * torch.rand(batch, 1, 1)
    mask = ((grid - centre).square().sum(1).sqrt() < radius).long()
    images = mask.unsqueeze(1) * 0.8 + 0.2 * torch.randn(batch, 1, size, size)
    if torch.rand(1).item() < 0.5:
        images, mask = images.flip(-1), mask.flip(-1)
    return images.to(memory_format=torch.channels_last), mask


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--bilinear", action="store_true")
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = UNet(1, 2, args.bilinear).to(device=device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=1e-8, momentum=0.9, foreach=True)
    scaler = torch.amp.GradScaler(device.type, enabled=False)
    criterion = nn.CrossEntropyLoss()
    for step in range(args.steps):
        images, masks = discs(6)
        with torch.autocast(device.type if device.type != "mps" else "cpu", enabled=False):
            scores = model(images.to(device))
            probabilities = F.softmax(scores, dim=1).float()
            one_hot = F.one_hot(masks, 2).permute(0, 3, 1, 2).float()
            loss = criterion(scores, masks) + 1 - dice_coefficient(probabilities[:, 1:], one_hot[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        print(f"step {step} loss {loss.item():.6f}")

    model.eval()
    with torch.inference_mode():
        images, masks = discs(8)
        confusion = torch.bincount(2 * masks.flatten() + model(images).argmax(1).flatten(), minlength=4).view(2, 2).float()
        union = confusion.sum(0) + confusion.sum(1) - confusion.diag()
        print("iou above a half:", (confusion.diag() / union > 0.5).tolist())


if __name__ == "__main__":
    main()
