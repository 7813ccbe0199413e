#!/usr/bin/env python3
"""The PyTorch side of the benchmarks and recipes: one process.

    pytorch_training.py steps --mode training|inference|pgd --network resnet20 --layout channels-last --threads 2
    pytorch_training.py whole --data DIR --images 20000 --epochs 2 --layout channels-last --threads 2

`steps` measures on one batch that stands ready: it prints `ready` after the first steps, waits for a line (so that
several processes begin together), and prints the median images/s of half-second spans. `whole` trains from CIFAR-10's
binary files, with flips and crops of whole batches at once on bytes in memory, and prints its seconds, which begin
after Python's imports. Each prints one JSON object.
"""

import argparse
import contextlib
import json
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import pytorch_networks


def cifar(folder, pattern, count=None):
    """Images N×3×32×32 and labels, as bytes."""
    files = sorted(pathlib.Path(folder).glob(pattern))
    if not files:
        raise SystemExit(f"there is no {pattern} in {folder}")
    rows = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])[:count]
    if count and len(rows) < count:
        raise SystemExit(f"{folder} has {len(rows)} images in {pattern}, fewer than {count}")
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, 0].astype(np.int64))


def flip_and_crop(images, draw):
    """Flips each image with probability 1/2 and crops it at random from itself padded by four black pixels."""
    count = len(images)
    windows = F.pad(images, (4, 4, 4, 4)).unfold(2, 32, 1).unfold(3, 32, 1)
    places = torch.randint(9, (2, count), generator=draw)
    images = windows[torch.arange(count), :, places[0], places[1]]
    flipped = torch.rand(count, generator=draw) < 0.5
    return torch.where(flipped[:, None, None, None], images.flip(3), images)


def perturb(model, images, labels, epsilon=8 / 255, size=2 / 255, steps=10):
    """PGD in the L∞ ball without a random start, with running statistics."""
    training = model.training
    model.eval().requires_grad_(False)
    x = images
    for _ in range(steps):
        x = x.detach().requires_grad_()
        gradient, = torch.autograd.grad(F.cross_entropy(model(x), labels), x)
        x = x.detach() + size * gradient.sign()
        x = torch.min(torch.max(x, images - epsilon), images + epsilon).clamp(0, 1)
    model.train(training).requires_grad_(True)
    return x.detach()


class Setting:
    """What a measurement fixes: layout, threads, element type."""

    def __init__(self, options):
        torch.set_num_threads(options.threads)
        self.format = torch.channels_last if options.layout == "channels-last" else torch.contiguous_format
        self.bf16 = options.compute == "bf16"

    def model(self, name, mean=None, deviation=None):
        return pytorch_networks.network(name, 10, mean, deviation).to(memory_format=self.format)

    def images(self, batch):
        return batch.contiguous(memory_format=self.format)

    def computing(self):
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()


def optimiser_of(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True)


def training_step(setting, model, optimiser, images, labels, attacked=0, steps=10):
    """The loss, as a tensor; the first `attacked` images are moved first."""
    with setting.computing():
        if attacked:
            moved = perturb(model, setting.images(images[:attacked]), labels[:attacked], steps=steps)
            images = setting.images(torch.cat([moved, images[attacked:]]))
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimiser.step()
    return loss.detach()


def steps(options):
    setting = Setting(options)
    model = setting.model(options.network)
    images, labels = setting.images(torch.rand(options.batch, 3, 32, 32)), torch.arange(options.batch) % 10
    optimiser = optimiser_of(model, 0.01)

    def step():
        if options.mode == "inference":
            with torch.inference_mode(), setting.computing():
                model(images)
        else:
            attacked = options.batch // 2 if options.mode == "pgd" else 0
            training_step(setting, model, optimiser, images, labels, attacked)

    model.train(options.mode != "inference")
    for _ in range(3):
        step()
    print("ready", flush=True)
    sys.stdin.readline()
    rates, end = [], time.perf_counter() + options.seconds
    while time.perf_counter() < end:
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 0.5:
            step()
            count += options.batch
        rates.append(count / (time.perf_counter() - start))
    return {"rate": sorted(rates)[len(rates) // 2]}


def train(setting, options):
    """The recipe of Bobbin's `train` with augment: [flip, crop], on the first images of the training files."""
    torch.manual_seed(options.seed)
    draw = torch.Generator().manual_seed(options.seed)
    images, labels = cifar(options.data, "data_batch_*.bin", options.images)
    # A channel at a time, so that memory isn't doubled.
    mean = torch.tensor([images[:, c].float().mean() / 255 for c in range(3)])
    deviation = torch.tensor([images[:, c].float().std(correction=0) / 255 for c in range(3)])
    model = setting.model(options.network, mean, deviation).train()
    optimiser = optimiser_of(model)
    batch, count = options.batch, len(images) // options.batch
    attacked = batch // 2 if options.adversarial else 0
    for epoch in range(options.epochs):
        passed = (3 * epoch >= options.epochs) + (3 * epoch >= 2 * options.epochs)
        for group in optimiser.param_groups:
            group["lr"] = 0.1 * 0.1 ** passed
        order, total = torch.randperm(len(images), generator=draw), 0.0
        for step in range(count):
            chosen = order[step * batch:(step + 1) * batch]
            x = setting.images(flip_and_crop(images[chosen], draw)).float().div_(255)
            total += training_step(setting, model, optimiser, x, labels[chosen], attacked, options.steps)
        if not torch.isfinite(total):
            raise SystemExit(f"the training diverged in epoch {epoch + 1}")
    return model.eval()


def accuracy(setting, model, options, attack_steps=0):
    images, labels = cifar(options.data, "test_batch.bin", options.test)
    correct = 0
    for start in range(0, len(images), 256):
        x, y = setting.images(images[start:start + 256]).float().div_(255), labels[start:start + 256]
        if attack_steps:
            x = perturb(model, x, y, steps=attack_steps)
        with torch.inference_mode():
            correct += (model(x).argmax(1) == y).sum().item()
    return correct / len(images)


def whole(options):
    start = time.perf_counter()
    setting = Setting(options)
    model = train(setting, options)
    result = {"seconds": time.perf_counter() - start}
    if options.test:
        result["accuracy"] = accuracy(setting, model, options)
        if options.robust:
            options.test = min(options.test, options.robust)
            result["robust_accuracy"] = accuracy(setting, model, options, attack_steps=20)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "whole", "version"])
    parser.add_argument("--network", default="resnet20")
    parser.add_argument("--layout", choices=["nchw", "channels-last"], default="channels-last")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--compute", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--mode", choices=["training", "inference", "pgd"], default="training")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--data", help="folder of CIFAR-10's binary files")
    parser.add_argument("--images", type=int, help="the first so many training images; all without it")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--adversarial", action="store_true", help="PGD on half of each batch")
    parser.add_argument("--steps", type=int, default=10, help="of that PGD")
    parser.add_argument("--test", type=int, help="evaluate on the first so many test images")
    parser.add_argument("--robust", type=int, default=0, help="and on the first so many of these, moved by PGD-20")
    options = parser.parse_args()
    if options.what == "version":
        print(json.dumps({"torch": torch.__version__, "python": sys.version.split()[0], "numpy": np.__version__}))
    else:
        print(json.dumps({"steps": steps, "whole": whole}[options.what](options)))


if __name__ == "__main__":
    main()
