"""What ``import torch`` finds where the folder above is on the path; it is at once replaced by minitorch."""

from minitorch.standing_in import stand_in

if __name__ == "torch":  # not where a tool loads this file under its full name
    stand_in(__name__)
