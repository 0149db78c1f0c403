"""ResNet-18 on pictures of CIFAR-10's shape. He, Zhang, Ren & Sun 2016, arXiv:1512.03385."""

import argparse
import os

import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR, OneCycleLR
from torch.utils.data import DataLoader, Dataset


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super(BasicBlock, self).__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, width=64, num_classes=10, zero_init_residual=False):
        super(ResNet, self).__init__()
        self.in_planes = width
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for i, count in enumerate(num_blocks):
            setattr(self, f"layer{i + 1}", self._make_layer(block, width * 2**i, count, stride=1 if i == 0 else 2))
        self.linear = nn.Linear(8 * width * block.expansion, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
        if zero_init_residual:
            for m in self.modules():
                if isinstance(m, BasicBlock):
                    nn.init.constant_(m.bn2.weight, 0)

    def _make_layer(self, block, planes, num_blocks, stride):
        layers = []
        for s in [stride] + [1] * (num_blocks - 1):
            layers.append(block(self.in_planes, planes, s))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))


class Pictures(Dataset):
    """Noise in one of ten colours and directions, as uint8 pictures like CIFAR's; flipped at random when training."""

    def __init__(self, count, train, seed):
        generator = torch.Generator().manual_seed(seed)
        self.targets = torch.randint(10, (count,), generator=generator).tolist()
        wave = torch.linspace(0, 12, 32)
        colours = torch.tensor([[1.0, 0.4, 0.1], [0.2, 0.9, 0.5], [0.3, 0.2, 1.0], [0.8, 0.8, 0.2], [0.6, 0.1, 0.7]])
        self.data = torch.empty(count, 32, 32, 3, dtype=torch.uint8)
        for i, target in enumerate(self.targets):
            stripes = (wave if target % 2 else wave[:, None]).sin().expand(32, 32)[..., None] * colours[target // 2]
            noise = torch.rand(32, 32, 3, generator=generator)
            self.data[i] = ((stripes * 0.3 + 0.35 + noise * 0.3).clamp(0, 1) * 255).to(torch.uint8)
        self.train = train
        self.mean, self.std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        picture = self.data[index].permute(2, 0, 1).float().div(255)
        if self.train and torch.rand(1) < 0.5:
            picture = picture.flip(-1)
        return picture.sub_(self.mean[:, None, None]).div_(self.std[:, None, None]), self.targets[index]


class AverageMeter(object):
    """The latest value and the average of all."""

    def __init__(self):
        self.val = self.sum = self.count = self.avg = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count


def accuracy(output, target, topk=(1,)):
    """The share of samples, in percent, whose target is among the k likeliest, for each k."""
    with torch.no_grad():
        _, pred = output.topk(max(topk), 1, True, True)
        correct = pred.t().eq(target.view(1, -1).expand_as(pred.t()))
        return [correct[:k].reshape(-1).float().sum(0, keepdim=True).mul_(100.0 / target.size(0)) for k in topk]


def run_epoch(epoch, loader, net, criterion, optimizer=None, scheduler=None):
    net.train(optimizer is not None)
    losses, top1, top5 = AverageMeter(), AverageMeter(), AverageMeter()
    with torch.set_grad_enabled(optimizer is not None):
        for i, (inputs, targets) in enumerate(loader):
            inputs, targets = inputs.to("cpu", non_blocking=True), targets.to("cpu", non_blocking=True)
            outputs = net(inputs)
            loss = criterion(outputs, targets)
            acc1, acc5 = accuracy(outputs, targets, topk=(1, 5))
            losses.update(loss.item(), inputs.size(0))
            top1.update(acc1[0], inputs.size(0))
            top5.update(acc5[0], inputs.size(0))
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                lr = optimizer.param_groups[0]["lr"]
                print(f"Epoch: [{epoch}][{i}/{len(loader)}] Loss {losses.val:.5f} ({losses.avg:.5f}) LR {lr:.6f}")
                if isinstance(scheduler, OneCycleLR):
                    scheduler.step()
    print(" * {} Acc@1 {top1.avg:.3f} Acc@5 {top5.avg:.3f}".format("train" if optimizer else "test", top1=top1, top5=top5))
    return top1.avg


def main():
    parser = argparse.ArgumentParser(description="PyTorch CIFAR10 training")
    parser.add_argument("--lr", default=0.001, type=float, help="learning rate")
    parser.add_argument("--resume", "-r", action="store_true", help="resume from checkpoint")
    parser.add_argument("--epochs", default=2, type=int)
    parser.add_argument("--width", default=4, type=int)
    parser.add_argument("--schedule", choices=["multistep", "onecycle", "cosine"], default="multistep")
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train_loader = DataLoader(Pictures(160, True, 1), batch_size=8, shuffle=True, num_workers=0, drop_last=True)
    test_loader = DataLoader(Pictures(40, False, 2), batch_size=10, shuffle=False)

    net = ResNet(BasicBlock, [2, 2, 2, 2], width=args.width).to(device)
    if device == "cuda":
        net = torch.nn.DataParallel(net)
        cudnn.benchmark = True
    if args.channels_last:
        net = net.to(memory_format=torch.channels_last)
    best_acc, start_epoch = 0, 0
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    if args.schedule == "multistep":
        scheduler = MultiStepLR(optimizer, milestones=[1, 2], gamma=0.1)
    elif args.schedule == "onecycle":
        scheduler = OneCycleLR(optimizer, args.lr, epochs=args.epochs, steps_per_epoch=len(train_loader))
    else:
        scheduler = CosineAnnealingLR(optimizer, T_max=args.epochs)
    if args.resume:
        assert os.path.isdir("checkpoint"), "Error: no checkpoint directory found!"
        checkpoint = torch.load("./checkpoint/ckpt.pth")
        net.load_state_dict(checkpoint["net"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["scheduler"])
        best_acc, start_epoch = checkpoint["acc"], checkpoint["epoch"] + 1

    for epoch in range(start_epoch, start_epoch + args.epochs):
        run_epoch(epoch, train_loader, net, criterion, optimizer, scheduler)
        acc = run_epoch(epoch, test_loader, net, criterion)
        if args.schedule != "onecycle":
            scheduler.step()
        if acc >= best_acc:
            print("Saving..")
            os.makedirs("checkpoint", exist_ok=True)
            state = {"net": net.state_dict(), "acc": acc, "epoch": epoch}
            torch.save({**state, "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, "./checkpoint/ckpt.pth")
            best_acc = acc


if __name__ == "__main__":
    main()
