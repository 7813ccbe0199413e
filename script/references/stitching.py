"""Writes the reference values of Tests/StitchingTests with PyTorch (2.13 was used) and NumPy, in float64:

    python script/references/stitching.py

One safetensors file, float32. Nothing in the tests or the build needs Python.
"""
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).parents[2] / "Tests" / "StitchingTests" / "References"
CUTS = ["conv1", "conv2", "conv3", "conv4"]
WIDTHS = [4, 8, 16, 16]
CLASSES, SIDE, IMAGES = 3, 16, 6


def save(name, tensors):
    header, data, offset = {"__metadata__": {"torch": torch.__version__, "numpy": np.__version__}}, [], 0
    for key in sorted(tensors):
        raw = torch.as_tensor(tensors[key]).detach().to(torch.float32).contiguous().numpy().tobytes()
        header[key] = {"dtype": "F32", "shape": list(torch.as_tensor(tensors[key]).shape),
                       "data_offsets": [offset, offset + len(raw)]}
        data.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (OUT / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def draw(*shape):
    """Float32 values, in double precision."""
    return torch.randn(*shape).to(torch.float64)


def small_cnn():
    """The small CNN at width 4 with running statistics that are not trivial."""
    model, channels = {}, 1
    for index, width in enumerate(WIDTHS, start=1):
        model[f"conv{index}.weight"] = draw(width, channels, 3, 3) * (2 / (9 * channels)) ** 0.5
        model[f"bn{index}.weight"] = 1 + 0.2 * draw(width)
        model[f"bn{index}.bias"] = 0.3 * draw(width)
        model[f"bn{index}.running_mean"] = 0.2 * draw(width)
        model[f"bn{index}.running_var"] = 0.5 + torch.rand(width).double()
        channels = width
    model["fc.weight"], model["fc.bias"] = draw(CLASSES, channels) * 0.4, draw(CLASSES) * 0.1
    return {key: value.to(torch.float32).double() for key, value in model.items()}


def run(model, x, after=None, through=None):
    """Activations at every cut behind `after`, and the logits."""
    values = {}
    for index in range(CUTS.index(after) + 1 if after else 0, 4):
        n = index + 1
        x = F.conv2d(x, model[f"conv{n}.weight"], padding=1)
        x = F.batch_norm(x, model[f"bn{n}.running_mean"], model[f"bn{n}.running_var"], model[f"bn{n}.weight"],
                         model[f"bn{n}.bias"], training=False)
        x = F.relu(x)
        if index < 3:
            x = F.max_pool2d(x, 2)
        values[CUTS[index]] = x
    values["logits"] = F.linear(x.mean((2, 3)), model["fc.weight"], model["fc.bias"])
    return values


def relative(h, t):
    return (h - t).norm() / t.norm()


torch.manual_seed(0)
front, end = small_cnn(), small_cnn()
images, labels = torch.rand(IMAGES, 1, SIDE, SIDE).double(), torch.tensor([0, 2, 1, 1, 0, 2])
out = {"images": images, "labels": labels}
out |= {f"front.{key}": value for key, value in front.items()}
out |= {f"end.{key}": value for key, value in end.items()}
own = run(end, images)

for name, source, target in [("down", "conv1", "conv2"), ("up", "conv2", "conv1"), ("same", "conv3", "conv4")]:
    x, t = run(front, images)[source], own[target]
    inputs, outputs = x.shape[1], t.shape[1]
    weight = (draw(outputs, inputs) / inputs ** 0.5).requires_grad_()
    bias = (0.1 * draw(outputs)).requires_grad_()
    out |= {f"{name}.weight": weight, f"{name}.bias": bias}
    resized = x
    if x.shape[2:] != t.shape[2:]:
        resized = F.interpolate(x, size=t.shape[2:], mode="bilinear", align_corners=False)
    s = F.conv2d(resized, weight[:, :, None, None], bias)
    stitched = run(end, s, after=target) | {target: s}
    hooks = CUTS[CUTS.index(target):]
    terms = [relative(stitched[k], own[k].detach()) for k in hooks]
    soft = F.kl_div(F.log_softmax(stitched["logits"], 1), F.log_softmax(own["logits"], 1), log_target=True,
                    reduction="batchmean")
    losses = {
        "task": F.cross_entropy(stitched["logits"], labels),
        "soft": soft,
        "hint": terms[0],
        "fula": sum(terms) / len(terms),
        "fula-two-hooks": sum(terms[:2]) / len(terms[:2]),
        "fula-weighted": sum((i + 1) * term for i, term in enumerate(terms)) / sum(range(1, len(terms) + 1)),
        "fula-soft": (sum(terms) + soft) / (len(terms) + 1),
    }
    losses["all"] = 0.5 * losses["task"] + 2 * losses["soft"] + 1.5 * losses["fula"] + 0.25 * losses["hint"]
    for key, loss in losses.items():
        dw, db = torch.autograd.grad(loss, [weight, bias], retain_graph=True)
        out |= {f"{name}.{key}.loss": loss, f"{name}.{key}.dweight": dw, f"{name}.{key}.dbias": db}

    # Direct matching, by NumPy's lstsq.
    rows = resized.permute(0, 2, 3, 1).reshape(-1, inputs).numpy()
    rows = np.hstack([rows, np.ones((len(rows), 1))])
    wanted = t.permute(0, 2, 3, 1).reshape(-1, outputs).numpy()
    for key, rcond in [("direct", 1e-6), ("direct-rough", 0.3)]:
        solution = np.linalg.lstsq(rows, wanted, rcond=rcond)[0]
        residual = ((rows @ solution - wanted) ** 2).sum() / (wanted ** 2).sum()
        out |= {f"{name}.{key}.weight": solution[:-1].T.copy(), f"{name}.{key}.bias": solution[-1].copy(),
                f"{name}.{key}.error": np.array(residual)}
    p, q = stitched["logits"].softmax(1), own["logits"].softmax(1)
    agreement = ((p * q).sum(1) / torch.maximum((p * p).sum(1), (q * q).sum(1))).mean()
    differ = (p.argmax(1) != q.argmax(1)).double().mean()
    out |= {f"{name}.agreement": agreement, f"{name}.disagreement": differ}

save("stitching", out)
