"""Writes Tests/NeuralNetworksTests/References/apgd.safetensors with PyTorch (2.15 was used), in float64:

    python script/references/attacks.py

Auto-PGD is written anew from the paper, an image at a time.
"""
import math
from fractions import Fraction

import torch
import torch.nn.functional as F

from neural_networks import SmallCNN, draw, leaf, save


def ratio(z, labels):
    """The difference of logits ratio (Croce & Hein 2020, eq. 6), an image a row."""
    own = z.gather(1, labels[:, None])[:, 0]
    others = z.scatter(1, labels[:, None], -torch.inf).max(1).values
    order = z.sort(1, descending=True).values
    return -(own - others) / (order[:, 0] - order[:, 2] + 1e-12)


def checkpoints(steps):
    """w_j = ceil(p_j N), in fractions."""
    p, found = [Fraction(0), Fraction(22, 100)], []
    while p[-1] <= 1:
        found.append(math.ceil(p[-1] * steps))
        p.append(p[-1] + max(p[-1] - p[-2] - Fraction(3, 100), Fraction(6, 100)))
    return sorted(set(found))


def auto_pgd(model, loss, clean, start, labels, norm, epsilon, steps):
    """Croce & Hein 2020, algorithm 1, an image at a time, from a given start."""
    def project(x, c):
        if norm == "linf":
            x = torch.min(torch.max(x, c - epsilon), c + epsilon)
        else:
            x = c + (x - c) * min(1.0, epsilon / max(float((x - c).norm()), 1e-300))
        return x.clamp(0, 1)

    def evaluate(x, label):
        x = leaf(x)
        z = model(x[None], {})
        f = loss(z, label[None])[0]
        g, = torch.autograd.grad(f, x)
        return f.item(), g, bool(z.argmax() != label)

    result = {key: [] for key in ("best", "halvings", "broken", "left")}
    for c, x, label in zip(clean, start, labels):
        size, halvings = 2 * epsilon, 0
        f, g, wrong = evaluate(x, label)
        best, best_x, best_g, broken = f, x, g, x if wrong else None
        before, (at, best_at, size_at), rises = x, (0, f, size), 0
        for k in range(1, steps + 1):
            direction = g.sign() if norm == "linf" else g / g.norm()
            z = project(x + size * direction, c)
            share = 1 if k == 1 else 0.75
            x, before = project(x + share * (z - x) + (1 - share) * (x - before), c), x
            last = f
            f, g, wrong = evaluate(x, label)
            rises += f > last
            if wrong:
                broken = x
            if f > best:
                best, best_x, best_g = f, x, g
            if k in checkpoints(steps) and k < steps:
                halve = rises < 0.75 * (k - at) or (size == size_at and best == best_at)
                at, best_at, size_at, rises = k, best, size, 0
                if halve:
                    size, halvings, x, f, g = size / 2, halvings + 1, best_x, best, best_g
        for key, value in dict(best=best, halvings=halvings, broken=broken is not None).items():
            result[key].append(torch.tensor(float(value)))
        result["left"].append(best_x if broken is None else broken)
    return {key: torch.stack(value) for key, value in result.items()}


def apgd():
    """Losses that Auto-PGD raises, and whole courses of it against a small network that doesn't saturate."""
    z, labels = leaf(3 * draw(6, 5)), torch.tensor([3, 0, 4, 1, 1, 2])
    z.data[5, 2] = 20
    value = ratio(z, labels)
    result = dict(logits=z, labels=labels, ratio=value, ratio_gradient=torch.autograd.grad(value.sum(), z)[0])
    model = SmallCNN(4, 5, 3).double().eval()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if "running_var" in key:
                tensor.copy_(draw(*tensor.shape).abs() + 0.2)
            elif "batches" not in key:
                tensor.copy_(0.3 * draw(*tensor.shape) + (1 if "bn" in key and key.endswith("weight") else 0))
    result |= {f"model.{k}": v.clone() for k, v in model.state_dict().items() if "batches" not in k}
    clean = torch.rand(6, 3, 8, 8).to(torch.float64)
    with torch.no_grad():
        labels = model(clean, {}).argmax(1)
        labels[5] = (labels[5] + 1) % 5
    result |= dict(clean=clean, image_labels=labels)
    for norm, epsilon in ("linf", 0.06), ("l2", 0.5):
        noise = 2 * torch.rand_like(clean) - 1
        start = (clean + noise * (epsilon if norm == "linf" else epsilon / noise[0].numel() ** 0.5)).clamp(0, 1)
        start = start.float().double()
        result[f"{norm}.start"] = start
        for label, loss in {"ce": lambda z, y: F.cross_entropy(z, y, reduction="none"), "dlr": ratio}.items():
            course = auto_pgd(model, loss, clean, start, labels, norm, epsilon, 20)
            result |= {f"{norm}.{label}.{k}": v for k, v in course.items()}
            print(norm, label, {k: v.tolist() for k, v in course.items() if k != "left"})
    save("apgd", result)


if __name__ == "__main__":
    torch.manual_seed(2)
    apgd()
