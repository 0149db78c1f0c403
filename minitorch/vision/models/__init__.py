"""Networks for images: the ResNets, with torchvision's names of parameters.   torchvision: models"""

from . import resnet
from .resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152

__all__ = ["ResNet", "resnet", "resnet101", "resnet152", "resnet18", "resnet34", "resnet50"]
