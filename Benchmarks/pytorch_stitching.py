#!/usr/bin/env python3
"""The PyTorch side of stitching.py: a grid of stitches the straightforward way, in one process.

    pytorch_stitching.py --data DIR --front A.safetensors --end B.safetensors --methods direct,task_loss,fula --threads 1

It works as the papers' code does (of arXiv 2412.11299 and those before it): a hook takes the front's activations at its
cut, another puts what the map makes of them in the place of the end's, and both networks are run whole for every stitch
and batch. Their parameters are frozen, so that gradients go back to the map alone. Batch norms use running statistics.
- direct: torch.linalg.pinv of the first --least-squares images' rows
- task_loss: cross-entropy, from a random start
- fula: the mean over the end's cuts from the map's on of ‖h − t‖/‖t‖, from least squares on half of the images
Adam, and for fula a rate that falls to a tenth at one and two thirds of the epochs, as `bobbin kinds stitch` has them.

Prints one JSON object: the seconds of fits and of evaluations by method, which begin after Python's imports and the
reading of files, and each stitch's accuracy.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import pytorch_networks
from pytorch_training import cifar, flip_and_crop

CUTS = ["stem"] + [f"stage{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
MEAN, DEVIATION = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])


def safetensors(path):
    """The tensors of a file, by name."""
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            found[name] = torch.from_numpy(np.frombuffer(data[begin:end], np.float32).copy()).view(entry["shape"])
    return found


class Network:
    """A frozen ResNet-20 and the modules whose outputs are its cuts."""

    def __init__(self, path, layout):
        self.model = pytorch_networks.network("resnet20", 10, MEAN, DEVIATION)
        layers = self.model.network
        parts = {"conv1": layers[0], "bn1": layers[1], "fc": layers[-1]}
        parts |= {f"layer{1 + i // 3}.{i % 3}": layers[3 + i] for i in range(9)}
        for prefix, module in parts.items():
            own = {name.removeprefix(prefix + "."): tensor for name, tensor in safetensors(path).items()
                   if name.startswith(prefix + ".")}
            module.load_state_dict(own | {name: value for name, value in module.state_dict().items()
                                          if name.endswith("num_batches_tracked")})
        self.model.eval().requires_grad_(False).to(memory_format=layout)
        self.cuts = dict(zip(CUTS, layers[2:12]))

    def activations(self, x, cuts):
        """What it makes of images, and its values at some cuts."""
        seen = {}
        hooks = [self.cuts[cut].register_forward_hook(lambda _, __, y, cut=cut: seen.__setitem__(cut, y))
                 for cut in cuts]
        logits = self.model(x)
        for hook in hooks:
            hook.remove()
        return logits, [seen[cut] for cut in cuts]


class Map(nn.Module):
    """A bilinear resize where sizes differ, then a 1×1 convolution."""

    def __init__(self, inputs, outputs, size):
        super().__init__()
        self.size = size
        self.convolution = nn.Conv2d(inputs, outputs, 1)

    def resized(self, x):
        return x if x.shape[2:] == self.size else F.interpolate(x, self.size, mode="bilinear")

    def forward(self, x):
        return self.convolution(self.resized(x))


class Stitched(nn.Module):
    """The front up to a cut, a map, the end after a cut."""

    def __init__(self, front, start, end, stop, images):
        super().__init__()
        self.front, self.start, self.end, self.stop = front, start, end, stop
        _, (x,) = front.activations(images[:1], [start])
        _, (y,) = end.activations(images[:1], [stop])
        self.map = Map(x.shape[1], y.shape[1], y.shape[2:])

    def run(self, x, cuts=()):
        """The logits, and the values at some of the end's cuts from the map's on."""
        _, (value,) = self.front.activations(x, [self.start])
        joint = self.end.cuts[self.stop].register_forward_hook(lambda *_: self.map(value))
        try:
            return self.end.activations(x, cuts)
        finally:
            joint.remove()

    @torch.no_grad()
    def least_squares(self, images):
        rows = []
        for network, cut in ((self.front, self.start), (self.end, self.stop)):
            parts = [network.activations(images[i:i + 128], [cut])[1][0] for i in range(0, len(images), 128)]
            rows.append(torch.cat(parts))
        x, y = (value.permute(0, 2, 3, 1).flatten(0, 2) for value in (self.map.resized(rows[0]), rows[1]))
        solution = torch.linalg.pinv(torch.cat([x, torch.ones(len(x), 1)], 1)) @ y
        self.map.convolution.weight.copy_(solution[:-1].T[:, :, None, None])
        self.map.convolution.bias.copy_(solution[-1])

    def train(self, method, images, labels, options, draw):
        decay = 1e-5 if method == "task_loss" else 1e-4
        optimiser = torch.optim.Adam(self.map.parameters(), 1e-3, weight_decay=decay)
        cuts = CUTS[CUTS.index(self.stop):] if method == "fula" else []
        for epoch in range(options.epochs):
            passed = (3 * epoch >= options.epochs) + (3 * epoch >= 2 * options.epochs)
            for group in optimiser.param_groups:
                group["lr"] = 1e-3 * 0.1 ** (passed if method == "fula" else 0)
            order = torch.randperm(len(images), generator=draw)
            for start in range(0, len(images) - options.batch + 1, options.batch):
                chosen = order[start:start + options.batch]
                x = images[chosen]
                if options.augment:
                    x = flip_and_crop(x, draw)
                x = x.contiguous(memory_format=options.format)
                if method == "fula":
                    with torch.no_grad():
                        _, targets = self.end.activations(x, cuts)
                    _, values = self.run(x, cuts)
                    loss = sum((h - t).norm() / t.norm() for h, t in zip(values, targets)) / len(cuts)
                else:
                    loss = F.cross_entropy(self.run(x)[0], labels[chosen])
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()

    @torch.no_grad()
    def evaluate(self, images, labels, options):
        """Accuracy, agreement with the end and structural error."""
        right, agreement, difference, reference = 0, 0.0, 0.0, 0.0
        for start in range(0, len(images), options.batch):
            x = images[start:start + options.batch].contiguous(memory_format=options.format)
            own, (target,) = self.end.activations(x, [self.stop])
            logits, (made,) = self.run(x, [self.stop])
            right += (logits.argmax(1) == labels[start:start + options.batch]).sum().item()
            p, q = logits.softmax(1), own.softmax(1)
            agreement += ((p * q).sum(1) / torch.maximum((p * p).sum(1), (q * q).sum(1))).sum().item()
            difference += (made - target).square().sum().item()
            reference += target.square().sum().item()
        return right / len(images), agreement / len(images), difference / reference


def floats(options, pattern, count):
    images, labels = cifar(options.data, pattern, count)
    return images.float().div_(255).contiguous(memory_format=options.format), labels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of CIFAR-10's binary files")
    parser.add_argument("--front", required=True)
    parser.add_argument("--end", required=True)
    parser.add_argument("--cuts", default=",".join(CUTS), help="every pair of these")
    parser.add_argument("--methods", default="direct,task_loss,fula")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--test", type=int, default=2000, help="evaluate on so many; 0: don't")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--least-squares", type=int, default=100, help="images of direct")
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--layout", choices=["nchw", "channels-last"], default="channels-last")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.format = torch.channels_last if options.layout == "channels-last" else torch.contiguous_format
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    front, end = (Network(path, options.format) for path in (options.front, options.end))
    images, labels = floats(options, "data_batch_*.bin", options.images)
    test, test_labels = floats(options, "test_batch.bin", options.test or 1)
    cuts = options.cuts.split(",")
    found = {}
    for method in options.methods.split(","):
        seconds, accuracies = {"fit": 0.0, "evaluate": 0.0}, {}
        for start in cuts:
            for stop in cuts:
                draw = torch.Generator().manual_seed(0)
                begun = time.perf_counter()
                stitched = Stitched(front, start, end, stop, images)
                if method != "task_loss":
                    count = options.least_squares if method == "direct" else options.images // 2
                    stitched.least_squares(images[torch.randperm(len(images), generator=draw)[:count]])
                if method != "direct":
                    stitched.train(method, images, labels, options, draw)
                fitted = time.perf_counter()
                if options.test:
                    accuracies[f"{start} {stop}"] = stitched.evaluate(test, test_labels, options)[0]
                seconds["fit"] += fitted - begun
                seconds["evaluate"] += time.perf_counter() - fitted
        found[method] = seconds | {"accuracies": accuracies}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
