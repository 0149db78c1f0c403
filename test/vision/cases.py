"""Transforms to compare with torchvision, and what torchvision 0.28 gave for them.

    python test/vision/cases.py      writes golden.json anew; needs PyTorch 2.13 and torchvision 0.28

A case is the name of an image and an expression. Where chance is in it, it runs three times, with the seeds 0, 1 and 2; a
number drawn after each tells whether the generator was left in the same state.
"""

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

GOLDEN = Path(__file__).with_name("golden.json")

BYTES = ((np.arange(3 * 7 * 9) * 37 + np.arange(3 * 7 * 9) ** 2 * 11) % 256).astype(np.uint8).reshape(3, 7, 9)


def image(name, torch):
    """One of the images that cases name."""
    if name == "bytes":
        return torch.from_numpy(BYTES.copy())
    if name == "floats":
        return torch.from_numpy(BYTES.astype(np.float32) / 255)
    if name == "batch":
        return torch.from_numpy(np.stack([BYTES, BYTES[::-1], 255 - BYTES]).astype(np.float32) / 255)
    if name == "doubles":
        return torch.from_numpy(BYTES[:1].astype(np.float64) / 255)
    if name == "array":
        return BYTES.transpose(1, 2, 0).copy()
    rgb = Image.fromarray(BYTES.transpose(1, 2, 0).copy())
    return rgb if name == "rgb" else rgb.convert(name)


BOTH, ALL = ["rgb", "bytes"], ["rgb", "L", "bytes", "floats"]
TABLE = {
    # expression: the images
    "T.ToTensor()": ["rgb", "L", "1", "I", "F", "RGBA", "P", "array"],
    "T.PILToTensor()": ["rgb", "L", "1", "I", "F", "RGBA", "P"],
    "T.ToPILImage()": ["bytes", "floats", "doubles", "array"],
    "T.ToPILImage('YCbCr')": ["bytes"],
    "T.Compose([T.ToTensor(), T.Normalize((0.4, 0.5, 0.6), (0.1, 0.2, 0.3))])": ["rgb"],
    "T.Compose([T.ToTensor(), T.Normalize((0.1307,), (0.3081,))])": ["L"],
    "T.Normalize(0.5, 0.25)": ["floats", "batch"],
    "T.Normalize((0.5,), (0.25,), inplace=True)": ["doubles"],
    "T.ConvertImageDtype(torch.float32)": ["bytes", "floats", "doubles"],
    "T.ConvertImageDtype(torch.uint8)": ["floats", "bytes"],
    "T.ConvertImageDtype(torch.int16)": ["floats", "bytes"],
    "lambda x: F.convert_image_dtype(F.convert_image_dtype(x, torch.int32), torch.uint8)": ["bytes"],
    "T.Lambda(lambda x: x * 2)": ["floats"],
    "T.LinearTransformation(torch.eye(189).flip(0), torch.arange(189) / 189.0)": ["floats"],
    "T.RandomCrop(5)": [*ALL, "batch"],
    "T.RandomCrop((4, 8), padding=1)": ALL,
    "T.RandomCrop(7, padding=(1, 2), padding_mode='reflect')": ALL,
    "T.RandomCrop(6, padding=[2, 1, 0, 3], fill=7)": BOTH,
    "T.RandomCrop(12, pad_if_needed=True, padding_mode='edge')": ALL,
    "T.RandomCrop((7, 9))": ["rgb"],
    "T.RandomCrop(5, padding=4, padding_mode='symmetric')": ALL,
    "T.CenterCrop(5)": ALL,
    "T.CenterCrop((4, 12))": ALL,
    "T.CenterCrop(20)": BOTH,
    "T.FiveCrop(4)": BOTH,
    "T.TenCrop((4, 5), vertical_flip=True)": ["bytes"],
    "T.RandomResizedCrop(6)": [*ALL, "batch"],
    "T.RandomResizedCrop((5, 8), scale=(0.9, 1.0), ratio=(3.0, 4.0))": ALL,
    "T.RandomResizedCrop(5, interpolation=T.InterpolationMode.BICUBIC)": ALL,
    "T.RandomHorizontalFlip()": [*ALL, "batch"],
    "T.RandomVerticalFlip(0.7)": ALL,
    "T.Resize(4)": [*ALL, "batch"],
    "T.Resize((11, 5))": ALL,
    "T.Resize([14], max_size=15)": ALL,
    "T.Resize(20, antialias=True)": ["rgb", "bytes", "floats"],
    "T.Resize(4, antialias=False)": ["floats"],
    "T.Resize(5, interpolation=T.InterpolationMode.NEAREST)": ALL,
    "T.Resize(5, interpolation=T.InterpolationMode.NEAREST_EXACT)": ALL,
    "T.Resize(5, interpolation=3)": ALL,
    "T.Resize(5, interpolation=T.InterpolationMode.LANCZOS)": ["rgb"],
    "T.Resize((7, 9))": ["rgb"],
    "T.Pad(2)": [*ALL, "P"],
    "T.Pad((1, 2), fill=9)": ALL,
    "T.Pad((1, 2, 3, 0), fill=(1, 2, 3))": ["rgb"],
    "T.Pad((1, 2, 3, 0), padding_mode='edge')": ALL,
    "T.Pad(3, padding_mode='reflect')": ALL,
    "T.Pad((2, 1), padding_mode='symmetric')": [*ALL, "batch"],
    "T.Grayscale()": [*ALL, "batch"],
    "T.Grayscale(3)": ALL,
    "T.RandomGrayscale(0.6)": ALL,
    "T.RandomApply([T.Grayscale(3), T.RandomHorizontalFlip()], p=0.6)": BOTH,
    "T.ColorJitter(0.4, 0.4, 0.4, 0.1)": ["rgb", "L", "bytes", "floats", "batch"],
    "T.ColorJitter(brightness=(0.5, 2.0), hue=0.5)": BOTH,
    "T.ColorJitter(contrast=1.5)": ALL,
    "T.RandomRotation(30)": ALL,
    "T.RandomRotation((10, 80), expand=True, fill=3)": ALL,
    "T.RandomRotation(45, interpolation=T.InterpolationMode.BILINEAR, center=(2, 3))": ALL,
    "T.RandomAffine(20)": ALL,
    "T.RandomAffine(20, translate=(0.2, 0.3), scale=(0.8, 1.3), shear=10)": ALL,
    "T.RandomAffine(0, shear=(-5, 5, -9, 9), interpolation=T.InterpolationMode.BILINEAR, fill=100)": BOTH,
    "T.RandomAffine((5, 6), center=(0, 0))": BOTH,
    "T.RandomPerspective(0.6, p=0.8)": ALL,
    "T.RandomPerspective(p=1.0, fill=50, interpolation=T.InterpolationMode.NEAREST)": BOTH,
    "T.RandomErasing(p=0.8)": ["bytes", "floats", "batch"],
    "T.RandomErasing(p=1.0, value='random')": ["floats"],
    "T.RandomErasing(p=1.0, scale=(0.3, 0.5), value=(1, 2, 3))": ["bytes"],
    "T.GaussianBlur(3)": ALL,
    "T.GaussianBlur((5, 3), sigma=1.5)": ["floats", "batch"],
    "T.RandomInvert(0.6)": ALL,
    "T.RandomPosterize(3, p=0.6)": ["rgb", "bytes"],
    "T.RandomSolarize(128, p=0.9)": ["rgb", "bytes"],
    "T.RandomAdjustSharpness(2, p=0.9)": ALL,
    "T.RandomAutocontrast(0.9)": ALL,
    "T.RandomEqualize(0.9)": BOTH,
    "T.RandAugment()": BOTH,
    "lambda x: [T.RandAugment(3, 20, fill=7)(x) for _ in range(8)]": BOTH,
    "lambda x: [T.TrivialAugmentWide(fill=9)(x) for _ in range(20)]": BOTH,
    "lambda x: [T.AutoAugment()(x) for _ in range(12)]": BOTH,
    "lambda x: [T.AutoAugment(T.AutoAugmentPolicy.CIFAR10, fill=128)(x) for _ in range(12)]": BOTH,
    "lambda x: [T.AutoAugment(T.AutoAugmentPolicy.SVHN)(x) for _ in range(12)]": BOTH,
    "v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.4, 0.5, 0.6], [0.1, 0.2, 0.3])])": ["rgb", "array"],
    "v2.ToDtype(torch.float64, scale=True)": ["bytes", "floats", "rgb"],
    "v2.ToDtype(torch.uint8, scale=True)": ["bytes", "floats"],
    "v2.ToDtype(torch.int16, scale=True)": ["bytes", "floats"],
    "v2.ToDtype(torch.float32)": ["bytes"],
    "v2.ConvertImageDtype()": ["bytes"],
    "v2.RandomCrop((7, 4))": BOTH,
    "v2.RandomCrop(8, padding=(1, 2), pad_if_needed=True)": BOTH,
    "v2.Compose([v2.RandomResizedCrop(6, antialias=True), v2.RandomHorizontalFlip(), v2.ToImage()])": ["rgb", "L"],
    "v2.Resize(4)": ["bytes", "floats"],
    "lambda x: F.adjust_gamma(x, 1.7, gain=0.9)": ALL,
    "lambda x: F.crop(x, -2, 3, 6, 9)": ALL,
    "lambda x: F.get_dimensions(x) + F.get_image_size(x)": ["rgb", "bytes"],
    "lambda x: utils.make_grid(x, nrow=2, padding=1, pad_value=0.5)": ["batch"],
    "lambda x: utils.make_grid(x, normalize=True, scale_each=True)": ["batch"],
    "lambda x: utils.make_grid([x, x + 1], normalize=True, value_range=(0, 1))": ["doubles"],
    "lambda x: utils.make_grid(x)": ["doubles", "bytes"],
    "lambda x: datasets.FakeData(4, (3, 6, 5), random_offset=2)[1][0]": ["L"],
    "lambda x: datasets.FakeData(4, (3, 6, 5), 100)[3][1]": ["L"],
}
CASES = [(name, expression) for expression, names in TABLE.items() for name in names]


def plain(value):
    """A result in a form to write down: [kind, shape, values in base64, or of a Pillow image a hash of them]."""
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Image.Image):
        return [value.mode, list(value.size), hashlib.sha256(value.tobytes()).hexdigest()[:16]]
    values = value.contiguous().numpy()
    return [str(values.dtype), list(values.shape), base64.b64encode(values.tobytes()).decode()]


def results(name, expression, torch, vision):
    """What a case gives for each seed, and the number drawn after it."""
    transforms = vision.transforms
    names = {"T": transforms, "F": transforms.functional, "v2": transforms.v2 if "v2" in expression else None}
    transform = eval(expression, {**names, "torch": torch, "utils": vision.utils, "datasets": vision.datasets})
    found = []
    for seed in range(3 if "Random" in expression or "Jitter" in expression else 1):
        torch.manual_seed(seed)
        found.append([plain(transform(image(name, torch))), torch.rand(1).item()])
    return found


if __name__ == "__main__":
    import torch
    import torchvision
    import torchvision.transforms.v2  # noqa: F401

    golden = {f"{name}: {expression}": results(name, expression, torch, torchvision) for name, expression in CASES}
    lines = ",\n".join(f"{json.dumps(case)}: {json.dumps(result)}" for case, result in golden.items())
    GOLDEN.write_text(f"{{\n{lines}\n}}\n")
