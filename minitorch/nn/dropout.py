"""Layers that switch elements off in training, and do nothing in evaluation.   torch: nn/modules/dropout.py"""

from . import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}\np is the fraction to drop")
        self.p, self.inplace = p, inplace

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Each element is 0 with probability p, else divided by 1 - p.   torch: nn.Dropout.   Srivastava et al. 2014

    >>> nn.Dropout(0.2)
    Dropout(p=0.2, inplace=False)
    """

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Whole channels of (N, C, L).   torch: nn.Dropout1d"""

    def forward(self, input):
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Whole channels of (N, C, H, W).   torch: nn.Dropout2d"""

    def forward(self, input):
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Whole channels of (N, C, D, H, W).   torch: nn.Dropout3d"""

    def forward(self, input):
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """For SELU networks: keeps mean 0 and variance 1.   torch: nn.AlphaDropout.   Klambauer et al. 2017, arXiv:1706.02515"""

    def forward(self, input):
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels.   torch: nn.FeatureAlphaDropout"""

    def forward(self, input):
        return F.feature_alpha_dropout(input, self.p, self.training)
