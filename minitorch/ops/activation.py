"""The activations that are methods of a tensor too; the others are in ``nn/functional/activation.py``."""

__all__ = ["hardshrink", "prelu"]


def hardshrink(input, lambd=0.5):
    """x where |x| > lambd, else 0.   torch: F.hardshrink"""
    return input.masked_fill(input.abs() <= lambd, 0)


def prelu(input, weight):
    """x where x > 0, else weight · x, with one weight or one a channel.   torch: F.prelu.   He et al. 2015, arXiv:1502.01852

    input: (N, C, *), weight: (1) or (C) → (N, C, *)
    """
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}\n"
            "give one weight, or one for each channel"
        )
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.numel() not in (1, channels):
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {weight.numel()} and channel size = {channels}.\n"
            "the channels are dimension 1 of the input"
        )

    if input.ndim > 1:
        weight = weight.view(-1, *[1] * (input.ndim - 2))
    elif input.ndim == 0:
        weight = weight.view(())
    return input.relu() + input.clamp(max=0) * weight
