"""What ``import torchvision`` finds where the folder above is on the path; it is at once replaced by ``minitorch.vision``."""

from minitorch.standing_in import stand_in

if __name__ == "torchvision":  # not where a tool loads this file under its full name
    stand_in(__name__)
