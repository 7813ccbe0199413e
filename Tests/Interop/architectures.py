"""Bobbin's networks as PyTorch modules, with the names that torchvision (ViT: timm) gives their parameters. Each takes
images that are standardised already, and keeps in `cuts` what it makes at Bobbin's cuts.

Where torchvision or timm is installed, `check_names` holds these modules to theirs.
"""
import re

import torch
import torch.nn.functional as F
from torch import nn


class Network(nn.Module):
    def cut(self, name, x):
        self.cuts[name] = x
        return x

    def forward(self, x):
        self.cuts = {}
        return self.logits(x)


class MLP(Network):
    def __init__(self, channels, size, classes, width=512, depth=3):
        super().__init__()
        sizes = [channels * size * size] + [width] * depth + [classes]
        self.depth = depth
        for layer, (a, b) in enumerate(zip(sizes, sizes[1:])):
            self.add_module(str(3 * layer), nn.Linear(a, b))  # torchvision.ops.MLP: linear, ReLU, dropout

    def logits(self, x):
        x = x.flatten(1)
        for layer in range(self.depth):
            x = self.cut(f"hidden{layer + 1}", F.relu(self._modules[str(3 * layer)](x)))
        return self._modules[str(3 * self.depth)](x)


class SmallCNN(Network):
    def __init__(self, channels, size, classes, width=16):
        super().__init__()
        sizes = [channels, width, 2 * width, 4 * width, 4 * width]
        for i in range(4):
            self.add_module(f"conv{i + 1}", nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1, bias=False))
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(sizes[i + 1]))
        self.fc = nn.Linear(sizes[4], classes)

    def logits(self, x):
        for i in range(1, 5):
            x = F.relu(self._modules[f"bn{i}"](self._modules[f"conv{i}"](x)))
            x = self.cut(f"conv{i}", F.max_pool2d(x, 2) if i < 4 else x)
        return self.fc(x.mean((2, 3)))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padding = (outputs - inputs) // 2 if shortcut == "none" else None
        self.branch = None
        if stride != 1 and shortcut != "none":
            self.branch = shortcut
            self.add_module(shortcut, nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.branch:
            x = self._modules[self.branch](x)
        elif self.padding:  # He et al.'s option A
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(x + y)


class ResNet(Network):
    """`shortcut` and `classifier` are what programs differ in: what they call the strided shortcut (`none`: it has no
    parameters) and the last layer."""

    def __init__(self, channels, size, classes, blocks, width=64, stem="cifar", shortcut="downsample", classifier="fc"):
        super().__init__()
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.pools, self.blocks, self.classifier = stem == "imagenet", blocks, classifier
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage, count in enumerate(blocks):
            outputs, stack = width << stage, []
            for block in range(count):
                stack.append(BasicBlock(inputs, outputs, 2 if stage and not block else 1, shortcut))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*stack))
        self.add_module(classifier, nn.Linear(inputs, classes))

    def logits(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.cut("stem", F.max_pool2d(x, 3, 2, 1) if self.pools else x)
        for stage in range(len(self.blocks)):
            for block, module in enumerate(self._modules[f"layer{stage + 1}"]):
                x = self.cut(f"stage{stage + 1}.{block}", module(x))
        return self._modules[self.classifier](x.mean((2, 3)))


class VGG(Network):
    def __init__(self, channels, size, classes, blocks, width=64):
        super().__init__()
        layers, self.places = [], set()
        for block, count in enumerate(blocks):
            outputs = width << min(block, 3)
            for convolution in range(count):
                layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
                if len(layers) == 3 or convolution == count - 1:
                    self.places.add(len(layers) - 1)
                channels = outputs
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def logits(self, x):
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.places:
                self.cut(f"features.{index}", x)
        return self.classifier(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))


class Perceptron(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), Perceptron(width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self, channels, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class VisionTransformer(Network):
    def __init__(self, channels, size, classes, patch=4, width=192, depth=12, heads=3):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + 1, width))
        self.patch_embed = PatchEmbedding(channels, patch, width)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def logits(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for index, block in enumerate(self.blocks):
            x = self.cut(f"blocks.{index}", block(x))
        return self.head(self.cut("pooled", self.norm(x[:, 0])))


def torchvision_names(state):
    """A vision transformer's state dict under the names of torchvision.models.VisionTransformer."""
    def name(key):
        for ours, theirs in [
            (r"^cls_token$", "class_token"), (r"^pos_embed$", "encoder.pos_embedding"),
            (r"^patch_embed\.proj\.", "conv_proj."), (r"^blocks\.(\d+)\.", r"encoder.layers.encoder_layer_\1."),
            (r"\.norm(\d)\.", r".ln_\1."), (r"\.attn\.qkv\.", ".self_attention.in_proj_"),
            (r"\.attn\.proj\.", ".self_attention.out_proj."), (r"\.mlp\.fc1\.", ".mlp.0."),
            (r"\.mlp\.fc2\.", ".mlp.3."), (r"^norm\.", "encoder.ln."), (r"^head\.", "heads.head."),
        ]:
            key = re.sub(ours, theirs, key)
        return key

    return {name(key): value for key, value in state.items()}


def cifar_resnet(depth):
    return lambda *a, **k: ResNet(*a, blocks=[(depth - 2) // 6] * 3, **{"width": 16} | k)


NETWORKS = {
    "mlp": MLP,
    "small_cnn": SmallCNN,
    "resnet8": cifar_resnet(8),
    "resnet20": cifar_resnet(20),
    "resnet18": lambda *a, **k: ResNet(*a, blocks=[2, 2, 2, 2], **k),
    "resnet34": lambda *a, **k: ResNet(*a, blocks=[3, 4, 6, 3], **k),
    "vgg11_bn": lambda *a, **k: VGG(*a, blocks=[1, 1, 2, 2, 2], **k),
    "vgg13_bn": lambda *a, **k: VGG(*a, blocks=[2, 2, 2, 2, 2], **k),
    "vgg16_bn": lambda *a, **k: VGG(*a, blocks=[2, 2, 3, 3, 3], **k),
    "vgg19_bn": lambda *a, **k: VGG(*a, blocks=[2, 2, 4, 4, 4], **k),
    "vit_tiny": VisionTransformer,
    "vit_small": lambda *a, **k: VisionTransformer(*a, **{"width": 384, "heads": 6} | k),
}


def network(name, channels=3, size=32, classes=10, **parameters):
    """The network that a pipeline file calls so."""
    return NETWORKS[name](channels, size, classes, **parameters)


def randomise(model, seed):
    """Gives every tensor values with which all of them matter and nothing overflows."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if key.endswith("running_var"):
                value.copy_(torch.rand(value.shape) + 0.5)
            elif "batches" in key:
                value.fill_(7)
            elif key in ("cls_token", "pos_embed"):
                value.copy_(0.5 * torch.randn(value.shape))
            elif value.dim() > 1:
                value.copy_(torch.randn(value.shape) * (2 / value[0].numel()) ** 0.5)
            else:
                value.copy_(0.2 * torch.randn(value.shape) + (1 if norm_scale(model, key) else 0))
    return model


def norm_scale(model, key):
    owner = model.get_submodule(key.rpartition(".")[0])
    return key.endswith("weight") and isinstance(owner, (nn.BatchNorm2d, nn.LayerNorm))


def check_names():
    """Compares names and shapes with torchvision's and timm's own networks. Says which of these there are."""
    return f"{check_torchvision()}; {check_timm()}"


def shapes(model, without=()):
    return {k: tuple(v.shape) for k, v in model.state_dict().items() if not k.startswith(without)}


def check_timm():
    try:
        import timm
    except ImportError:
        return "timm isn't installed"
    theirs = timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=4, num_classes=10)
    assert shapes(theirs) == shapes(network("vit_tiny"))
    return f"names and shapes are those of timm {timm.__version__}"


def check_torchvision():
    try:
        import torchvision
    except ImportError:
        return "torchvision isn't installed"
    from torchvision.models import resnet18, resnet34, vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn

    for theirs in (resnet18, resnet34):
        assert shapes(theirs()) == shapes(network(theirs.__name__, classes=1000, stem="imagenet")), theirs.__name__
    for theirs in (vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn):
        ours = network(theirs.__name__)
        assert shapes(theirs(), ("classifier",)) == shapes(ours, ("classifier",)), theirs.__name__
    theirs = torchvision.ops.MLP(3 * 32 * 32, [512, 512, 512, 10])
    assert shapes(theirs) == shapes(network("mlp"))
    theirs = torchvision.models.VisionTransformer(32, 4, 12, 3, 192, 768, num_classes=10)
    ours = torchvision_names(network("vit_tiny").state_dict())
    assert shapes(theirs) == {k: tuple(v.shape) for k, v in ours.items()}
    return f"names and shapes are those of torchvision {torchvision.__version__}"
