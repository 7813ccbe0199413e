"""Writes the reference values of whole networks, one of each family, with PyTorch (2.15 was used), in float64:

    python script/references/models.py

Logits and cuts with running statistics; then one step of training: the loss's gradients of all parameters, the moved
running statistics. Safetensors, float32. Nothing in the tests or the build needs Python. The networks are those of
Tests/Interop.
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

from neural_networks import leaf, save

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "Tests" / "Interop"))
from architectures import network, randomise  # noqa: E402

MEAN, STD = torch.tensor([0.4, 0.5, 0.6]).double(), torch.tensor([0.2, 0.25, 0.3]).double()


def reference(label, name, size, batch, classes=5, **parameters):
    model = randomise(network(name, size=size, classes=classes, **parameters), len(label)).double()
    result = {f"model.{k}": v.clone() for k, v in model.state_dict().items() if "batches" not in k}
    clean = torch.rand(batch, 3, size, size).to(torch.float64)
    labels = torch.arange(batch) % classes
    result |= dict(images=clean, labels=labels)
    for mode in ("evaluation", "training"):
        images = leaf(clean)
        model.train(mode == "training")
        model.zero_grad()
        logits = model((images - MEAN[:, None, None]) / STD[:, None, None])
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        result |= {f"{mode}.logits": logits, f"{mode}.loss": loss}
        if mode == "evaluation":
            result["evaluation.dimages"] = images.grad
            # A value for each image and channel, or feature.
            result |= {f"cut.{k}": v.flatten(2).mean(2) if v.dim() == 4 else v for k, v in model.cuts.items()}
    result |= {f"gradient.{k}": v.grad for k, v in model.named_parameters()}
    result |= {f"after.{k}": v for k, v in model.state_dict().items() if "running" in k}
    save(f"model-{label}", result)


if __name__ == "__main__":
    reference("mlp", "mlp", 8, 6, width=16, depth=2)
    reference("small-cnn", "small_cnn", 8, 6, width=4)
    reference("resnet20", "resnet20", 8, 6, width=3)
    reference("resnet18", "resnet18", 16, 6, width=2)
    reference("resnet34", "resnet34", 16, 6, width=2)
    reference("resnet18-imagenet-stem", "resnet18", 32, 6, width=2, stem="imagenet")
    reference("vgg11", "vgg11_bn", 32, 4, width=2)
    reference("vit", "vit_tiny", 16, 4, width=8, depth=2, heads=2)
    reference("vgg16", "vgg16_bn", 32, 4, width=2)
