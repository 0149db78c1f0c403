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

    # W x2 first, one product for all of the batch: (*, out in1) → (*, out, in1), then against (*, in1, 1)
    right = linear(input2, weight.flatten(0, 1))
    out = right.unflatten(-1, weight.shape[:2]).matmul(input1.unsqueeze(-1)).squeeze(-1)
    return out if bias is None else out + bias
