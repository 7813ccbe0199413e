"""The PyTorch side of against-pytorch.sh: one process, eager ResNet-20; prints the median images/s.

    pytorch_benchmark.py training|inference nchw|channels-last THREADS [BATCH] [SECONDS]
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


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


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    width = 16
    for stage in range(3):
        for block in range(3):
            layers.append(Block(width, 16 << stage, 2 if stage > 0 and block == 0 else 1))
            width = 16 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def main():
    mode, layout, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    batch = int(sys.argv[4]) if len(sys.argv) > 4 else 128
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 5
    torch.set_num_threads(threads)
    model, x, labels = resnet20(), torch.rand(batch, 3, 32, 32), torch.arange(batch) % 10
    if layout == "channels-last":
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if mode == "training":
        optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)

        def step():
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), labels).backward()
            optimiser.step()
    else:
        model.eval()

        def step():
            with torch.inference_mode():
                model(x)

    for _ in range(3):
        step()
    rates, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 0.5:
            step()
            count += batch
        rates.append(count / (time.perf_counter() - start))
    print(f"{sorted(rates)[len(rates) // 2]:.1f}")


main()
