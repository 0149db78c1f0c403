"""Each transform gives torchvision's images, and leaves the generator where torchvision does."""

import base64
import json
import pickle
import random
import sys

import numpy as np
import pytest
from PIL import Image
from vision.cases import BYTES, CASES, GOLDEN, results

import minitorch as torch
from minitorch import vision
from minitorch.vision import transforms as T

golden = json.loads(GOLDEN.read_text())


def assert_same(expected, found, near):
    """Two results of ``cases.plain``: images bit for bit, integers within ``near``, floats nearly."""
    if not isinstance(expected, list):
        assert expected == found
    elif len(expected) == 3 and isinstance(expected[0], str):
        assert expected[:2] == found[:2]
        if not expected[0].startswith(("float", "int", "uint", "bool")):
            assert expected == found
            return
        one, other = (np.frombuffer(base64.b64decode(values), dtype=kind) for kind, _, values in (expected, found))
        tolerance = 2e-6 if one.dtype.kind == "f" else near
        np.testing.assert_allclose(other.astype("d"), one.astype("d"), rtol=tolerance, atol=tolerance)
    else:
        assert len(expected) == len(found)
        for one, other in zip(expected, found):
            assert_same(one, other, near)


@pytest.mark.parametrize("name, expression", CASES)
def test_transform_gives_torchvisions_images(name, expression):
    expected, found = golden[f"{name}: {expression}"], results(name, expression, torch, vision)
    assert [after for _, after in expected] == [after for _, after in found]  # the generator's state
    # a resized tensor of bytes is rounded, and a sum of products close to ½ may go to either side
    near = 1 if name == "bytes" and "Resize" in expression else 0
    assert_same([image for image, _ in expected], [image for image, _ in found], near)


# ---------------------------------------------------------------------------------------------------------
# How they print, and what they say no to


REPRS = {
    "T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])": "Compose(\n    ToTensor()\n    Normalize(mean=(0.5,), std=(0.5,))\n)",
    "T.Resize(32)": "Resize(size=32, interpolation=bilinear, max_size=None, antialias=True)",
    "T.RandomCrop(32, padding=4)": "RandomCrop(size=(32, 32), padding=4)",
    "T.RandomHorizontalFlip()": "RandomHorizontalFlip(p=0.5)",
    "T.Lambda(abs)": "Lambda()",
    "T.Grayscale()": "Grayscale(num_output_channels=1)",
    "T.ToPILImage('RGB')": "ToPILImage(mode=RGB)",
    "T.Pad(2)": "Pad(padding=2, fill=0, padding_mode=constant)",
    "T.ConvertImageDtype(torch.float32)": "ConvertImageDtype()",
    "T.RandomResizedCrop(8)": "RandomResizedCrop(size=(8, 8), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)",
    "T.RandomApply([T.ToTensor()], p=0.3)": "RandomApply(\n    p=0.3\n    ToTensor()\n)",
    "T.RandomChoice([T.ToTensor()])": "RandomChoice(\n    ToTensor()\n)(p=None)",
    "T.ColorJitter(0.5, (0.1, 2))": "ColorJitter(brightness=(0.5, 1.5), contrast=(0.1, 2.0), saturation=None, hue=None)",
    "T.RandomRotation(5)": "RandomRotation(degrees=[-5.0, 5.0], interpolation=nearest, expand=False, fill=0)",
    "T.RandomAffine(5, scale=(1, 2))": "RandomAffine(degrees=[-5.0, 5.0], scale=(1, 2))",
    "T.RandomErasing()": "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)",
    "T.TenCrop(3)": "TenCrop(size=(3, 3), vertical_flip=False)",
    "T.RandomPosterize(3)": "RandomPosterize(bits=3,p=0.5)",
    "T.GaussianBlur(3)": "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))",
}


@pytest.mark.parametrize("expression", REPRS)
def test_repr(expression):
    assert REPRS[expression] == repr(eval(expression))


RGB = Image.fromarray(BYTES.transpose(1, 2, 0).copy())
ERRORS = {
    "T.ToTensor()([1, 2])": (TypeError, "pic should be PIL Image or ndarray. Got <class 'list'>"),
    "T.ToTensor()(BYTES[0, 0])": (ValueError, "pic should be 2/3 dimensional. Got 1 dimensions."),
    "T.PILToTensor()(BYTES)": (TypeError, "pic should be PIL Image. Got <class 'numpy.ndarray'>"),
    "T.ToPILImage()([1])": (TypeError, "pic should be Tensor or ndarray. Got <class 'list'>."),
    "T.ToPILImage()(torch.zeros(5, 2, 2))": (ValueError, "pic should not have > 4 channels. Got 5 channels."),
    "T.ToPILImage('HSV')(torch.zeros(4, 2, 2))": (ValueError, "Only modes ['RGBA', 'CMYK', 'RGBX'] are supported for 4D inputs"),
    "T.Normalize((0.5,), (0.5,))(RGB)": (TypeError, "img should be Tensor Image. Got <class 'PIL.Image.Image'>"),
    "T.Normalize((0.5,), (0.5,))(torch.from_numpy(BYTES))": (TypeError, "Input tensor should be a float tensor. Got torch.uint8."),
    "T.Normalize((0.5,), (0.0,))(torch.zeros(1, 2, 2))": (ValueError, "std evaluated to zero after conversion to torch.float32, leading to division by zero."),
    "T.Normalize((0.5,), (1.0,))(torch.zeros(2, 2))": (ValueError, "Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = torch.Size([2, 2])"),
    "T.RandomCrop(10)(RGB)": (ValueError, "Required crop size (10, 10) is larger than input image size (7, 9)"),
    "T.RandomCrop(3)(BYTES)": (TypeError, "Unexpected type <class 'numpy.ndarray'>"),
    "T.RandomCrop((1, 2, 3))": (ValueError, "Please provide only two dimensions (h, w) for size."),
    "T.RandomHorizontalFlip(1.1)(BYTES)": (TypeError, "img should be PIL Image. Got <class 'numpy.ndarray'>"),
    "T.Resize((1, 2, 3))": (ValueError, "If size is a sequence, it should have 1 or 2 values"),
    "T.Resize(4.5)": (TypeError, "Size should be int or sequence. Got <class 'float'>"),
    "T.Resize(5, max_size=4)(RGB)": (ValueError, "max_size = 4 must be strictly greater than the requested size for the smaller edge size = [5]"),
    "T.Pad((1, 2, 3))": (ValueError, "Padding must be an int or a 1, 2, or 4 element tuple, not a 3 element tuple"),
    "T.Pad(1, padding_mode='wrap')": (ValueError, "Padding mode should be either constant, edge, reflect or symmetric"),
    "T.Grayscale(2)(RGB)": (ValueError, "num_output_channels should be either 1 or 3"),
    "T.Lambda(3)": (TypeError, "Argument lambd should be callable, got 'int'"),
    "T.ColorJitter(brightness=-1)": (ValueError, "If brightness is a single number, it must be non negative."),
    "T.ColorJitter(hue=0.7)": (ValueError, "hue values should be between (-0.5, 0.5), but got [-0.7, 0.7]."),
    "T.RandomRotation(-3)": (ValueError, "If degrees is a single number, it must be positive."),
    "T.RandomErasing(p=2)": (ValueError, "Random erasing probability should be between 0 and 1"),
    "T.FiveCrop(20)(RGB)": (ValueError, "Requested crop size (20, 20) is bigger than input size (7, 9)"),
    "T.functional.convert_image_dtype(torch.zeros(1, 2, 2), torch.int32)": (RuntimeError, "The cast from torch.float32 to torch.int32 cannot be performed safely."),
    "vision.utils.make_grid(3)": (TypeError, "tensor or list of tensors expected, got <class 'int'>"),
}


@pytest.mark.parametrize("expression", ERRORS)
def test_errors_are_torchvisions(expression):
    kind, line = ERRORS[expression]
    with pytest.raises(kind) as caught:
        eval(expression)
    assert line == str(caught.value).splitlines()[0]


def test_transforms_can_be_sent_to_workers():
    transform = T.Compose([T.RandomCrop(4, padding=1), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.5,), (0.5,))])
    again = pickle.loads(pickle.dumps(transform))
    assert repr(transform) == repr(again)


def test_random_order_and_choice_draw_from_pythons_generator():
    transforms = [T.Lambda(lambda x, k=k: [*x, k]) for k in range(4)]
    random.seed(3)
    order = T.RandomOrder(transforms)([])
    random.seed(3)
    expected = list(range(4))
    random.shuffle(expected)
    assert expected == order
    assert T.RandomChoice(transforms, p=[0, 0, 1, 0])([]) == [2]


# ---------------------------------------------------------------------------------------------------------
# Without Pillow


def test_tensors_need_no_pillow_and_images_say_how_to_get_it(monkeypatch):
    for name in ("PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    image = torch.from_numpy(BYTES) / 255
    transform = T.Compose([T.RandomCrop(5), T.RandomHorizontalFlip(), T.Resize(4), T.Grayscale(3), T.Normalize(0.5, 0.5)])
    assert transform(image).shape == (3, 4, 4)
    assert T.ToTensor()(BYTES).shape == (9, 3, 7)
    with pytest.raises(ImportError, match=r"images need Pillow\npip install pytorch-mini\[vision\]"):
        T.ToPILImage()(image)


def test_save_image_writes_a_png(tmp_path):
    images = torch.linspace(0, 1, 4 * 3 * 5 * 5).view(4, 3, 5, 5)
    vision.utils.save_image(images, tmp_path / "grid.png", nrow=2, padding=1)
    expected = vision.utils.make_grid(images, nrow=2, padding=1).mul(255).add(0.5).clamp(0, 255).to(torch.uint8)
    with Image.open(tmp_path / "grid.png") as found:
        assert torch.equal(expected, T.PILToTensor()(found))

    vision.utils.save_image(torch.zeros(1, 4, 4), tmp_path / "gray.png")
    with Image.open(tmp_path / "gray.png") as found:
        assert found.mode == "RGB"
    with pytest.raises(TypeError, match="Cannot handle this data type"):
        vision.utils.save_image(torch.zeros(5, 4, 4), tmp_path / "five.png")
