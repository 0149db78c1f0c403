"""Products of features with weights.   torch: F.linear, F.bilinear"""

from ...ops.linalg import linear

__all__ = ["bilinear", "linear"]


def bilinear(input1, input2, weight, bias=None):
    """x1ᵀ W x2 + b for each output feature.   torch: F.bilinear

    input1: (*, in1), input2: (*, in2), weight: (out, in1, in2), bias: (out) → (*, out)
    """
    for name, x, features in (("input1", input1, weight.shape[1]), ("input2", input2, weight.shape[2])):
        if x.shape[-1] != features:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {x.shape[-1]} but expected {features}\n"
                f"weight has shape {tuple(weight.shape)}: (out_features, in1_features, in2_features)"
            )
    for i, (m, n) in enumerate(zip(input1.shape[:-1], input2.shape[:-1])):
        if m != n:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {i}: got {m} and {n}\n"
                "the two inputs differ in their last dimension only"
            )

    # (*, 1, 1, in1) @ (out, in1, in2) → (*, out, 1, in2), then against (*, 1, in2, 1)
    left = input1.unsqueeze(-2).unsqueeze(-2).matmul(weight)
    out = left.matmul(input2.unsqueeze(-2).unsqueeze(-1)).flatten(-3)
    return out if bias is None else out + bias
