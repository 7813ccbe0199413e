"""Writes the reference values of the layers that `neural_networks.py` doesn't cover, with PyTorch (2.15 was used), in
float64, to Tests/NeuralNetworksTests/References/layers.safetensors:

    python script/references/layers.py

For each layer `x`, `y`, the gradient that comes from behind (`gradient`), `dx`, and by their names in Bobbin parameters
(`parameter.…`) and their gradients (`gradient.…`).
"""
import torch
import torch.nn.functional as F

from neural_networks import draw, leaf, save

values = {}


def layer(label, x, parameters, function):
    x, parameters = leaf(x), {name: leaf(value) for name, value in parameters.items()}
    y = function(x, *parameters.values())
    gradient = draw(*y.shape)
    y.backward(gradient)
    found = dict(x=x, y=y, gradient=gradient, dx=x.grad)
    found |= {f"parameter.{name}": value for name, value in parameters.items()}
    found |= {f"gradient.{name}": value.grad for name, value in parameters.items()}
    values.update({f"{label}.{key}": value for key, value in found.items()})


def affine(outputs, *inputs):
    return {"weight": draw(outputs, *inputs) / torch.Size(inputs).numel() ** 0.5, "bias": draw(outputs)}


def main():
    torch.manual_seed(3)
    layer("stem7", draw(2, 3, 10, 9), affine(16, 3, 7, 7), lambda x, w, b: F.conv2d(x, w, b, 2, 3))
    layer("five", draw(2, 4, 6, 7), affine(6, 4, 5, 5), lambda x, w, b: F.conv2d(x, w, b, 1, 2))
    layer("linear", draw(3, 6), affine(4, 6), F.linear)
    layer("classifier", draw(5, 64), affine(10, 64), F.linear)
    for label, channels in (("plain", 5), ("blocked", 32)):
        layer(f"relu-{label}", draw(2, channels, 4, 3), {}, F.relu)
        layer(f"mean-{label}", draw(2, channels, 5, 4), {}, lambda x: x.mean((2, 3), keepdim=True))
        layer(f"residual-{label}", draw(2, channels, 4, 5), affine(channels, channels, 3, 3),
              lambda x, w, b: F.relu(x + F.conv2d(x, w, b, padding=1)))
        layer(f"padded-maximum-{label}", draw(2, channels, 8, 7), {}, lambda x: F.max_pool2d(x, 3, 2, 1))
    layer("flatten", draw(2, 3, 2, 4), {}, lambda x: x.flatten(1))
    layer("class-token", draw(2, 4, 6), {}, lambda x: x[:, 0])
    save("layers", values)


if __name__ == "__main__":
    main()
