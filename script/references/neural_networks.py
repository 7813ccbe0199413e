"""Writes the reference values of Tests/NeuralNetworksTests with PyTorch (2.13 was used, and 2.15 for
resnet8-width16, frozen-layers, transformer-layers, vit-training, update-rules, schedules, objectives and
perturbations), in float64:

    python script/references/neural_networks.py

Each file is safetensors, float32. Nothing in the tests or the build needs Python.
"""
import json
import pathlib
import struct

import torch
import torch.nn.functional as F
from torch import nn

OUT = pathlib.Path(__file__).parents[2] / "Tests" / "NeuralNetworksTests" / "References"


def save(name, tensors):
    header, data, offset = {"__metadata__": {"torch": torch.__version__}}, [], 0
    for key in sorted(tensors):
        raw = tensors[key].detach().to(torch.float32).contiguous().numpy().tobytes()
        header[key] = {"dtype": "F32", "shape": list(tensors[key].shape),
                       "data_offsets": [offset, offset + len(raw)]}
        data.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (OUT / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def draw(*shape):
    """Float32 values, in double precision."""
    return torch.randn(*shape).to(torch.float64)


def leaf(x):
    return x.clone().requires_grad_()


def convolution():
    result = {}
    for label, (c, o, k, s, p, h, w) in {
        "plain": (3, 5, 3, 1, 1, 7, 6), "strided": (16, 32, 3, 2, 1, 8, 8), "pointwise": (16, 16, 1, 1, 0, 5, 4),
        "shortcut": (16, 32, 1, 2, 0, 8, 8),
    }.items():
        x, weight, bias = leaf(draw(2, c, h, w)), leaf(draw(o, c, k, k)), leaf(draw(o))
        y = F.conv2d(x, weight, bias, stride=s, padding=p)
        g = draw(*y.shape)
        y.backward(g)
        for key, value in dict(x=x, weight=weight, bias=bias, y=y, gradient=g, dx=x.grad, dweight=weight.grad,
                               dbias=bias.grad).items():
            result[f"{label}.{key}"] = value
    save("convolution", result)


def batch_norm():
    result = {}
    for label, training in {"batch": True, "running": False}.items():
        norm = nn.BatchNorm2d(5).double()
        with torch.no_grad():
            norm.weight.copy_(draw(5)), norm.bias.copy_(draw(5))
            norm.running_mean.copy_(draw(5)), norm.running_var.copy_(draw(5).abs() + 0.1)
        result |= {f"{label}.{k}": v.clone() for k, v in norm.state_dict().items() if "batches" not in k}
        norm.train(training)
        x = leaf(2 * draw(4, 5, 3, 2) + 1)
        y = norm(x)
        g = draw(*y.shape)
        y.backward(g)
        for key, value in dict(x=x, y=y, gradient=g, dx=x.grad, dweight=norm.weight.grad, dbias=norm.bias.grad,
                               mean_after=norm.running_mean, var_after=norm.running_var).items():
            result[f"{label}.{key}"] = value
    save("batch-norm", result)


def resize():
    result = {}
    for label, (a, b) in {"up": ((4, 3), (7, 8)), "down": ((8, 8), (4, 4)), "odd": ((7, 5), (3, 4))}.items():
        x = leaf(draw(2, 3, *a))
        y = F.interpolate(x, size=b, mode="bilinear", align_corners=False)
        g = draw(*y.shape)
        y.backward(g)
        for key, value in dict(x=x, y=y, gradient=g, dx=x.grad).items():
            result[f"{label}.{key}"] = value
    save("resize", result)


def losses():
    z, t = leaf(3 * draw(6, 10)), 3 * draw(6, 10)
    labels = torch.tensor([3, 0, 9, 9, 1, 5])
    result = dict(logits=z, targets=t, labels=labels)
    loss = F.cross_entropy(z, labels)
    result |= dict(cross_entropy=loss, cross_entropy_gradient=torch.autograd.grad(loss, z)[0])
    loss = F.kl_div(F.log_softmax(z, 1), F.log_softmax(t, 1), reduction="batchmean", log_target=True)
    result |= dict(soft_label=loss, soft_label_gradient=torch.autograd.grad(loss, z)[0])
    # FuLA: the mean over hook points of relative Frobenius errors.
    hooks = [leaf(draw(4, 3, 5, 5)), leaf(draw(4, 6, 3, 3)), leaf(draw(4, 7))]
    targets = [draw(*h.shape) for h in hooks]
    loss = sum(torch.norm(h - t) / torch.norm(t) for h, t in zip(hooks, targets)) / len(hooks)
    loss.backward()
    result["fula"] = loss
    for i, (h, t) in enumerate(zip(hooks, targets)):
        result |= {f"hook{i}": h, f"hook{i}.target": t, f"hook{i}.gradient": h.grad}
    save("losses", result)


def attack():
    """One PGD step at the second iteration, with pixels at both bounds and gradients of zero."""
    clean = torch.rand(2, 3, 4, 4).to(torch.float64)
    clean[0, 0, 0] = torch.tensor([0, 1, 0.001, 0.999])
    epsilon, size = 8 / 255, 2 / 255
    x = (clean + (2 * torch.rand_like(clean) - 1) * epsilon).clamp(0, 1)
    g = draw(2, 3, 4, 4)
    g[0, 1] = 0
    y = x + size * g.sign()
    y = torch.min(torch.max(y, clean - epsilon), clean + epsilon).clamp(0, 1)
    save("attack", dict(clean=clean, x=x, gradient=g, y=y))


def optimisers():
    p0, gradients = draw(7), [draw(7) for _ in range(5)]
    result = {"start": p0} | {f"gradient{i}": g for i, g in enumerate(gradients)}
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-2),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=1e-2),
    }
    for label, make in makers.items():
        p = leaf(p0)
        optimiser = make([p])
        for i, g in enumerate(gradients):
            p.grad = g.clone()
            optimiser.step()
            result[f"{label}{i}"] = p.detach().clone()
    save("optimisers", result)


class SmallCNN(nn.Module):
    def __init__(self, width, classes, channels):
        super().__init__()
        sizes = [channels, width, 2 * width, 4 * width, 4 * width]
        for i in range(4):
            setattr(self, f"conv{i + 1}", nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1, bias=False))
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(sizes[i + 1]))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x, cuts):
        for i in range(1, 5):
            x = F.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            x = F.max_pool2d(x, 2) if i < 4 else x
            cuts[f"conv{i}"] = x
        return self.fc(x.mean((2, 3)))


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
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.downsample(x))


class ResNet8(nn.Module):
    def __init__(self, width, classes, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(Block(width, width, 1))
        self.layer2 = nn.Sequential(Block(width, 2 * width, 2))
        self.layer3 = nn.Sequential(Block(2 * width, 4 * width, 2))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x, cuts):
        x = cuts["stem"] = F.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3):
            x = cuts[f"stage{stage}.0"] = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def network(name, model, training):
    """Logits, cuts, running statistics and all gradients of a cross-entropy plus a term at every cut."""
    model = model.double()
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if "running_var" in key:
                value.copy_(draw(*value.shape).abs() + 0.2)
            elif "batches" not in key:
                is_scale = key.endswith(("bn1.weight", "norm1.weight", "norm2.weight", "norm.weight"))
                value.copy_(0.3 * draw(*value.shape) + (1 if is_scale else 0))
    result = {f"model.{k}": v.clone() for k, v in model.state_dict().items() if "batches" not in k}
    model.train(training)
    images = leaf(torch.rand(4, 3, 8, 8).to(torch.float64))
    mean, deviation = torch.tensor([0.4, 0.5, 0.6]).double(), torch.tensor([0.2, 0.25, 0.3]).double()
    cuts, labels = {}, torch.tensor([2, 0, 1, 2])
    logits = model((images - mean[:, None, None]) / deviation[:, None, None], cuts)
    terms = {cut: 0.1 * draw(*value.shape) for cut, value in cuts.items()}
    loss = F.cross_entropy(logits, labels) + sum((terms[cut] * value).sum() for cut, value in cuts.items())
    loss.backward()
    result |= dict(images=images, labels=labels, logits=logits, dimages=images.grad)
    result |= {f"cut.{k}": v for k, v in cuts.items()} | {f"term.{k}": v for k, v in terms.items()}
    result |= {f"gradient.{k}": v.grad for k, v in model.named_parameters()}
    result |= {f"after.{k}": v for k, v in model.state_dict().items() if "running" in k}
    save(name, result)


def wide_network():
    """ResNet-8 at the width of production, where kernels are blocked and fused: logits, the images' gradient, every
    parameter's, running statistics. The loss is the cross-entropy alone, so that nothing has to stand unfused."""
    model = ResNet8(16, 10, 3).double()
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if "running_var" in key:
                value.copy_(draw(*value.shape).abs() + 0.5)
            elif value.dim() > 1:
                value.copy_(draw(*value.shape) * (2 / value[0].numel()) ** 0.5)
            elif "batches" not in key:
                value.copy_(0.3 * draw(*value.shape) + (1 if ".weight" in key else 0))
    result = {f"model.{k}": v.clone() for k, v in model.state_dict().items() if "batches" not in k}
    clean, labels = torch.rand(6, 3, 16, 16).to(torch.float64), torch.tensor([2, 0, 9, 4, 4, 7])
    mean, deviation = torch.tensor([0.4, 0.5, 0.6]).double(), torch.tensor([0.2, 0.25, 0.3]).double()
    result |= dict(images=clean, labels=labels)
    for mode in ("evaluation", "training"):
        images = leaf(clean)
        model.train(mode == "training")
        model.zero_grad()
        logits = model((images - mean[:, None, None]) / deviation[:, None, None], {})
        F.cross_entropy(logits, labels).backward()
        result |= {f"{mode}.logits": logits, f"{mode}.dimages": images.grad}
    result |= {f"training.gradient.{k}": v.grad for k, v in model.named_parameters()}
    result |= {f"training.after.{k}": v for k, v in model.state_dict().items() if "running" in k}
    save("resnet8-width16", result)


def frozen_layers():
    """What only frozen networks do: a convolution with bias and the batch norm behind it as one, a batch norm whose
    statistics are the batch's though nothing is trained; and max-pooling, in plain and in blocked layouts."""
    result = {}
    for label, (c, o) in {"plain": (3, 5), "blocked": (16, 32)}.items():
        x, weight, bias = leaf(draw(2, c, 6, 5)), draw(o, c, 3, 3) / c ** 0.5, draw(o)
        scale, shift, mean, var = draw(o), draw(o), draw(o), draw(o).abs() + 0.1
        y = F.batch_norm(F.conv2d(x, weight, bias, padding=1), mean, var, scale, shift)
        g = draw(*y.shape)
        y.backward(g)
        for key, value in dict(x=x, weight=weight, bias=bias, y=y, gradient=g, dx=x.grad).items():
            result[f"folded-{label}.{key}"] = value
        for key, value in dict(weight=scale, bias=shift, running_mean=mean, running_var=var).items():
            result[f"folded-{label}.norm.{key}"] = value

        x, scale, shift = leaf(2 * draw(4, o, 3, 3) + 1), draw(o), draw(o)
        y = F.relu(F.batch_norm(x, None, None, scale, shift, training=True))
        g = draw(*y.shape)
        y.backward(g)
        for key, value in dict(x=x, weight=scale, bias=shift, y=y, gradient=g, dx=x.grad).items():
            result[f"batch-{label}.{key}"] = value

        x = leaf(draw(2, o, 7, 6))
        y = F.max_pool2d(x, 2)
        g = draw(*y.shape)
        y.backward(g)
        for key, value in dict(x=x, y=y, gradient=g, dx=x.grad).items():
            result[f"maximum-{label}.{key}"] = value
    save("frozen-layers", result)


def attention(qkv, heads):
    """Of queries, keys and values that lie as in timm's Attention: N x T x (3, heads, width of a head)."""
    n, t, width = qkv.shape
    q, k, v = qkv.reshape(n, t, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).reshape(n, t, width // 3)


def transformer_layers():
    result = {}

    def add(label, inputs, y):
        g = draw(*y.shape)
        y.backward(g)
        for key, value in inputs.items():
            result[f"{label}.{key}"], result[f"{label}.d{key}"] = value, value.grad
        result[f"{label}.y"], result[f"{label}.gradient"] = y, g

    for label, shape in {"tokens": (3, 5, 20), "vectors": (4, 32)}.items():
        x, weight, bias = leaf(2 * draw(*shape) + 1), leaf(draw(shape[-1])), leaf(draw(shape[-1]))
        add(f"norm-{label}", dict(x=x, weight=weight, bias=bias), F.layer_norm(x, shape[-1:], weight, bias, 1e-6))
    x = leaf(3 * draw(2, 5, 37))
    add("gelu", dict(x=x), F.gelu(x))
    # One token, fewer and more than a vector's lanes, and heads that aren't whole vectors.
    for label, (t, heads, width) in {"one": (1, 2, 4), "narrow": (5, 3, 4), "wide": (17, 2, 16), "long": (70, 1, 24),
                                     }.items():
        x = leaf(draw(2, t, 3 * heads * width))
        add(f"attention-{label}", dict(x=x), attention(x, heads))
    x, weight, bias = leaf(draw(2, 3, 8, 12)), leaf(draw(6, 3, 4, 4)), leaf(draw(6))
    add("patches", dict(x=x, weight=weight, bias=bias),
        F.conv2d(x, weight, bias, stride=4).flatten(2).transpose(1, 2))
    for label, (t, inputs, outputs) in {"narrow": (5, 6, 7), "wide": (17, 32, 48)}.items():
        x, weight, bias = leaf(draw(2, t, inputs)), leaf(draw(outputs, inputs)), leaf(draw(outputs))
        add(f"linear-{label}", dict(x=x, weight=weight, bias=bias), F.linear(x, weight, bias))
    x, weight, bias = leaf(draw(2, 5, 16)), leaf(draw(16, 16)), leaf(draw(16))
    add("residual", dict(x=x, weight=weight, bias=bias), x + F.linear(x, weight, bias))
    x, first, positions = leaf(draw(3, 4, 6)), leaf(draw(1, 1, 6)), leaf(draw(1, 5, 6))
    add("embedding", dict(x=x, cls_token=first, pos_embed=positions),
        torch.cat([first.expand(3, 1, 6), x], 1) + positions)
    save("transformer-layers", result)


class Part(nn.Module):
    """A module of the given parts, for timm's names."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class ViT(nn.Module):
    """timm's VisionTransformer with a class token."""

    def __init__(self, size, channels, patch, width, depth, heads, classes):
        super().__init__()
        self.heads = heads
        self.patch_embed = Part(proj=nn.Conv2d(channels, width, patch, patch))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + 1, width))
        self.blocks = nn.ModuleList(Part(
            norm1=nn.LayerNorm(width, eps=1e-6), norm2=nn.LayerNorm(width, eps=1e-6),
            attn=Part(qkv=nn.Linear(width, 3 * width), proj=nn.Linear(width, width)),
            mlp=Part(fc1=nn.Linear(width, 4 * width), fc2=nn.Linear(4 * width, width))) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x, cuts):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for i, block in enumerate(self.blocks):
            x = x + block.attn.proj(attention(block.attn.qkv(block.norm1(x)), self.heads))
            x = x + block.mlp.fc2(F.gelu(block.mlp.fc1(block.norm2(x))))
            cuts[f"blocks.{i}"] = x
        x = cuts["pooled"] = self.norm(x)[:, 0]
        return self.head(x)


def update_rules():
    """Six steps of a linear layer, whose bias may be spared weight decay, with and without clipping; and the moving
    average of its weight."""
    result, gradients = {"weight": draw(5, 3), "bias": draw(5)}, []
    for i in range(6):
        x, g = draw(1, 3), 3 * draw(1, 5)
        result |= {f"x{i}": x, f"gradient{i}": g}
        gradients.append((g.T @ x, g[0]))
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=1e-2),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.8, 0.99), eps=1e-6, weight_decay=1e-1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=1e-1),
    }
    for name, make in makers.items():
        for clipped in (False, True):
            for spared in (False, True):
                label = f"{name}{'.clipped' if clipped else ''}{'.spared' if spared else ''}"
                w, b = leaf(result["weight"]), leaf(result["bias"])
                optimiser = make([w, b])
                if spared:
                    defaults = optimiser.param_groups[0]
                    bias = {k: v for k, v in defaults.items() if k != "params"} | dict(params=[b], weight_decay=0)
                    defaults["params"] = [w]
                    optimiser.add_param_group(bias)
                average = torch.optim.swa_utils.AveragedModel(
                    nn.ParameterList([w]), multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
                for i, (dw, db) in enumerate(gradients):
                    w.grad, b.grad = dw.clone(), db.clone()
                    if clipped:
                        result[f"norm{i}"] = nn.utils.clip_grad_norm_([w, b], 5.0)
                    optimiser.step()
                    average.update_parameters(nn.ParameterList([w]))
                    result |= {f"{label}{i}.weight": w.detach().clone(), f"{label}{i}.bias": b.detach().clone()}
                result[f"{label}.average"] = next(average.module.parameters()).detach().clone()
    save("update-rules", result)


def schedules():
    """The rate of each step, for 7 epochs of 6 steps at a base rate of 0.1."""
    steps, epoch, result = 42, 6, {}
    lr = torch.optim.lr_scheduler
    warm = lambda o, then, n: lr.SequentialLR(
        o, [lr.LinearLR(o, 1 / n, total_iters=n - 1), then], milestones=[n])
    makers = {
        "constant": lambda o: lr.ConstantLR(o, 1),
        "steps": lambda o: lr.MultiStepLR(o, [3 * epoch, 5 * epoch], 0.1),
        "milestones": lambda o: lr.MultiStepLR(o, [2 * epoch, 4 * epoch, 5 * epoch], 0.2),
        "cosine": lambda o: lr.CosineAnnealingLR(o, steps),
        "cosine-end": lambda o: lr.CosineAnnealingLR(o, steps, eta_min=0.001),
        "one-cycle": lambda o: lr.OneCycleLR(o, 0.1, total_steps=steps, cycle_momentum=False),
        "one-cycle-late": lambda o: lr.OneCycleLR(
            o, 0.1, total_steps=steps, pct_start=0.6, div_factor=10, final_div_factor=100, cycle_momentum=False),
        "warm-constant": lambda o: warm(o, lr.ConstantLR(o, 1), 9),
        "warm-cosine": lambda o: warm(o, lr.CosineAnnealingLR(o, steps - 9), 9),
    }
    for name, make in makers.items():
        optimiser = torch.optim.SGD([leaf(draw(1))], lr=0.1)
        schedule, rates = make(optimiser), []
        for _ in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        result[name] = torch.tensor(rates, dtype=torch.float64)
    save("schedules", result)


def objectives():
    """Losses with their gradients: smoothed, of shares of classes, and TRADES of a batch of which four are attacked."""
    clean, attacked, labels = leaf(2 * draw(6, 5)), leaf(2 * draw(4, 5)), torch.tensor([4, 0, 2, 2, 1, 3])
    shares = torch.softmax(draw(6, 5), 1).float().double()
    result = dict(clean=clean, attacked=attacked, labels=labels, shares=shares)

    def add(name, loss, *inputs):
        result[name] = loss
        for label, gradient in zip(("dclean", "dattacked"), torch.autograd.grad(loss, inputs)):
            result[f"{name}.{label}"] = gradient

    add("smoothed", F.cross_entropy(clean, labels, label_smoothing=0.1), clean)
    add("of-shares", F.cross_entropy(clean, shares), clean)
    add("smoothed-of-shares", F.cross_entropy(clean, shares, label_smoothing=0.2), clean)
    divergence = F.kl_div(torch.log_softmax(attacked, 1), torch.softmax(clean[:4], 1), reduction="batchmean")
    add("trades", F.cross_entropy(clean, labels) + 6 * divergence, clean, attacked)
    result["trades.attack"] = torch.autograd.grad(
        F.kl_div(torch.log_softmax(attacked, 1), torch.softmax(clean[:4].detach(), 1), reduction="batchmean"),
        [attacked])[0]
    save("objectives", result)


def perturbations():
    """One step of PGD from points inside and at the edge of the ball, in both norms; in L2 as torchattacks' PGDL2."""
    clean, gradient = torch.rand(3, 2, 5, 5).double(), draw(3, 2, 5, 5)
    gradient[2] = 0
    result = dict(clean=clean, gradient=gradient)
    for norm, epsilon, step in (("linf", 0.1, 0.04), ("l2", 0.5, 0.3)):
        delta = draw(3, 2, 5, 5)
        if norm == "linf":
            delta = epsilon * torch.clamp(delta, -1, 1)
        else:
            lengths = epsilon * torch.tensor([0.5, 0.95, 1.0])
            delta = lengths[:, None, None, None] * delta / delta.flatten(1).norm(dim=1)[:, None, None, None]
        x = torch.clamp(clean + delta, 0, 1).float().double()
        if norm == "linf":
            y = x + step * gradient.sign()
            y = clean + torch.clamp(y - clean, -epsilon, epsilon)
        else:
            y = x + step * gradient / (gradient.flatten(1).norm(dim=1)[:, None, None, None] + 1e-30)
            lengths = (y - clean).flatten(1).norm(dim=1)[:, None, None, None]
            y = clean + (y - clean) * torch.clamp(epsilon / lengths, max=1)
        result |= {f"{norm}.x": x, f"{norm}.y": torch.clamp(y, 0, 1)}
    save("perturbations", result)


if __name__ == "__main__":
    torch.manual_seed(0)
    convolution(), batch_norm(), resize(), losses(), attack(), optimisers()
    network("small-cnn-training", SmallCNN(4, 3, 3), True)
    network("resnet8-training", ResNet8(4, 3, 3), True)
    network("resnet8-evaluation", ResNet8(4, 3, 3), False)
    torch.manual_seed(1)
    wide_network(), frozen_layers()
    torch.manual_seed(2)
    transformer_layers()
    network("vit-training", ViT(8, 3, 4, 16, 2, 2, 3), True)
    torch.manual_seed(3)
    update_rules(), schedules(), objectives(), perturbations()
