"""Residual networks: each block adds something to what it was given, x + f(x), so that depth does no harm.

    (N, 3, 224, 224) → conv1, pool → (N, 64, 56, 56) → layer1 … layer4, each half as wide → (N, 512, 7, 7) → mean, fc

He, Zhang, Ren & Sun 2015, arXiv:1512.03385. Parameters have torchvision's names and are drawn in its order.

torchvision: models/resnet.py
"""

from ...nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    GroupNorm,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    init,
)  # fmt: skip

__all__ = ["ResNet", "resnet101", "resnet152", "resnet18", "resnet34", "resnet50"]


def conv3x3(channels, out, stride=1, groups=1, dilation=1):
    return Conv2d(channels, out, 3, stride, padding=dilation, groups=groups, bias=False, dilation=dilation)


def conv1x1(channels, out, stride=1):
    return Conv2d(channels, out, 1, stride, bias=False)


class BasicBlock(Module):
    """x + two convolutions 3×3 of it.   torchvision: models.resnet.BasicBlock"""

    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None):
        super().__init__()
        norm = norm_layer or BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1, self.bn1 = conv3x3(inplanes, planes, stride), norm(planes)
        self.relu = ReLU(inplace=True)
        self.conv2, self.bn2 = conv3x3(planes, planes), norm(planes)
        self.downsample, self.stride = downsample, stride

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class Bottleneck(Module):
    """x + convolutions 1×1, 3×3, 1×1 of it, the middle one over fewer channels.   torchvision: models.resnet.Bottleneck"""

    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None):
        super().__init__()
        norm = norm_layer or BatchNorm2d
        width = int(planes * (base_width / 64)) * groups
        self.conv1, self.bn1 = conv1x1(inplanes, width), norm(width)
        self.conv2, self.bn2 = conv3x3(width, width, stride, groups, dilation), norm(width)
        self.conv3, self.bn3 = conv1x1(width, planes * self.expansion), norm(planes * self.expansion)
        self.relu = ReLU(inplace=True)
        self.downsample, self.stride = downsample, stride

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(Module):
    """``layers`` says how many blocks each of the four layers has.   (N, 3, H, W) → (N, num_classes)

    torchvision: models.ResNet
    """

    def __init__(self, block, layers, num_classes=1000, zero_init_residual=False, groups=1, width_per_group=64,
                 replace_stride_with_dilation=None, norm_layer=None):  # fmt: skip
        super().__init__()
        self.norm_layer = norm_layer or BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = 64, 1, groups, width_per_group
        dilate = replace_stride_with_dilation or [False, False, False]
        if len(dilate) != 3:
            raise ValueError(f"replace_stride_with_dilation should be None or a 3-element tuple, got {dilate}")

        self.conv1, self.bn1 = Conv2d(3, 64, 7, stride=2, padding=3, bias=False), self.norm_layer(64)
        self.relu, self.maxpool = ReLU(inplace=True), MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self.layer(block, 64, layers[0])
        self.layer2 = self.layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self.layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self.layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512 * block.expansion, num_classes)
        self.reset_parameters(zero_init_residual)

    def layer(self, block, planes, blocks, stride=1, dilate=False):
        """Several blocks, of which the first changes the size."""
        norm, before = self.norm_layer, self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        out = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != out:
            downsample = Sequential(conv1x1(self.inplanes, out, stride), norm(out))

        first = block(self.inplanes, planes, stride, downsample, self.groups, self.base_width, before, norm)
        self.inplanes = out
        return Sequential(first, *[
            block(out, planes, 1, None, self.groups, self.base_width, self.dilation, norm) for _ in range(1, blocks)
        ])  # fmt: skip

    def reset_parameters(self, zero_init_residual):
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (BatchNorm2d, GroupNorm)):
                init.constant_(module.weight, 1)
                init.constant_(module.bias, 0)
        if zero_init_residual:  # each block begins as the identity
            for module in self.modules():
                if isinstance(module, (BasicBlock, Bottleneck)):
                    init.constant_((module.bn3 if isinstance(module, Bottleneck) else module.bn2).weight, 0)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def built(name, block, layers, weights, pretrained, options):
    if weights is not None or pretrained:
        raise NotImplementedError(
            f"{name}: trained weights aren't downloaded here\n"
            f"download the .pth file yourself, then model = {name}(); model.load_state_dict(torch.load(file))"
        )
    return ResNet(block, layers, **options)


def resnet18(*, weights=None, progress=True, pretrained=False, **kwargs):
    """11.7 million parameters, drawn at random.   torchvision: models.resnet18

    >>> from minitorch.vision.models import resnet18
    >>> sum(p.numel() for p in resnet18().parameters())
    11689512
    """
    return built("resnet18", BasicBlock, [2, 2, 2, 2], weights, pretrained, kwargs)


def resnet34(*, weights=None, progress=True, pretrained=False, **kwargs):
    """21.8 million parameters, drawn at random.   torchvision: models.resnet34"""
    return built("resnet34", BasicBlock, [3, 4, 6, 3], weights, pretrained, kwargs)


def resnet50(*, weights=None, progress=True, pretrained=False, **kwargs):
    """25.6 million parameters, drawn at random.   torchvision: models.resnet50"""
    return built("resnet50", Bottleneck, [3, 4, 6, 3], weights, pretrained, kwargs)


def resnet101(*, weights=None, progress=True, pretrained=False, **kwargs):
    """44.5 million parameters, drawn at random.   torchvision: models.resnet101"""
    return built("resnet101", Bottleneck, [3, 4, 23, 3], weights, pretrained, kwargs)


def resnet152(*, weights=None, progress=True, pretrained=False, **kwargs):
    """60.2 million parameters, drawn at random.   torchvision: models.resnet152"""
    return built("resnet152", Bottleneck, [3, 8, 36, 3], weights, pretrained, kwargs)
