"""The networks of the benchmarks and recipes in PyTorch, eager, for images in [0, 1], which they standardise themselves.

Names and shapes are Bobbin's: resnet<6n+2>, resnet18, vgg16_bn, vit_tiny.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Standardised(nn.Module):
    """A network behind the standardisation of its images, so that attacks move pixels."""

    def __init__(self, network, mean, deviation):
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean[:, None, None])
        self.register_buffer("scale", 1 / deviation[:, None, None])

    def forward(self, x):
        return self.network((x - self.mean) * self.scale)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)


def resnet(width, stages, classes):
    """3×3 stem without max-pooling; as many basic blocks in each stage as `stages` says, twice as wide each time."""
    layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    inputs = width
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            layers.append(Block(inputs, width << stage, 2 if stage > 0 and block == 0 else 1))
            inputs = width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def vgg16_bn(classes):
    layers, inputs = [], 3
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layers += [nn.Conv2d(inputs, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


class EncoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):  # images × tokens × width
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self, classes, patch=4, width=192, depth=12, heads=3, side=32):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 1 + (side // patch) ** 2, width) * 0.02)
        self.blocks = nn.Sequential(*[EncoderBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


def network(name, classes=10, mean=None, deviation=None):
    """A fresh network, as Bobbin makes them: convolutions normal by fan-out (He et al. 2015), the rest PyTorch's."""
    if name == "vit_tiny":
        made = VisionTransformer(classes)
    elif name == "vgg16_bn":
        made = vgg16_bn(classes)
    elif name == "resnet18":
        made = resnet(64, [2, 2, 2, 2], classes)
    else:
        depth = int(name.removeprefix("resnet"))
        made = resnet(16, [(depth - 2) // 6] * 3, classes)
    for module in made.modules():
        if isinstance(module, nn.Conv2d) and name != "vit_tiny":
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    mean = torch.full((3,), 0.5) if mean is None else mean
    deviation = torch.full((3,), 0.25) if deviation is None else deviation
    return Standardised(made, mean, deviation)
