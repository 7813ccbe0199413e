"""The small CNN in PyTorch, with the parameter names by which `model/import` knows it."""

import os

import torch
from torch import nn


class SmallCNN(nn.Module):
    """Four blocks of 3×3 convolution, batch norm and ReLU, the first three with 2×2 max-pooling. Takes pixels in [0, 1]:
    the standardisation is a part of the network, as it is of Bobbin's."""

    def __init__(self, channels=3, classes=10, width=16, mean=None, std=None):
        super().__init__()
        self.standardisation = [torch.tensor(v or [d] * channels).view(1, -1, 1, 1) for v, d in [(mean, 0.0), (std, 1.0)]]
        sizes = [channels, width, 2 * width, 4 * width, 4 * width]
        for i in range(4):
            setattr(self, f"conv{i + 1}", nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1, bias=False))
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(sizes[i + 1]))
        self.fc = nn.Linear(4 * width, classes)

    def cuts(self, x):
        """What each block makes of images, by the cut's name, and the logits."""
        mean, std = (values.to(x.device) for values in self.standardisation)
        x = (x - mean) / std
        found = {}
        for i in range(1, 5):
            x = torch.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            if i < 4:
                x = nn.functional.max_pool2d(x, 2)
            found[f"conv{i}"] = x
        found["logits"] = self.fc(x.mean(dim=(2, 3)))
        return found

    def forward(self, x):
        return self.cuts(x)["logits"]


def settle(seed):
    """The same results on every run of one machine, and the device there is."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pixels(half):
    """A half's images as floats in [0, 1]."""
    values = torch.from_numpy(half["samples"].copy())
    return values.float() / 255 if values.dtype == torch.uint8 else values
