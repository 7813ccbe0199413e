"""Models both ways between Bobbin and PyTorch: `python3 Tests/Interop BOBBIN`, where BOBBIN is the built program.

For every family: what `get` gives of a trained model is taken by `load_state_dict` (strict), and a state dict of
PyTorch's is taken by `model/import`; in both cases the logits agree to 1e-4. Without PyTorch nothing is done, and said.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    print("interop: PyTorch isn't installed here, so nothing is exchanged with it")
    sys.exit(0)

from architectures import check_names, network, randomise, torchvision_names

TOLERANCE = 1e-4
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
TYPES = {"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8}

# Bobbin's name and parameters; how a program with other names calls parts of it.
OWN = [
    ("mlp", {"width": 12, "depth": 2}),
    ("small_cnn", {"width": 4}),
    ("resnet8", {"width": 4}),
    ("resnet20", {"width": 4}),
    ("resnet18", {"width": 4}),
    ("resnet18", {"width": 4, "stem": "imagenet"}),
    ("resnet34", {"width": 4}),
    ("vgg11_bn", {"width": 4}),
    ("vgg13_bn", {"width": 4}),
    ("vgg16_bn", {"width": 4}),
    ("vgg19_bn", {"width": 4}),
    ("vit_tiny", {"width": 24, "depth": 2, "patch": 8}),
    ("vit_small", {"width": 24, "depth": 2, "patch": 8, "heads": 4}),
]
FOREIGN = [
    ("resnet20", {"width": 4}, {"shortcut": "shortcut", "classifier": "linear"}),
    ("resnet20", {"width": 4}, {"shortcut": "none", "classifier": "linear"}),
    ("resnet8", {"width": 4}, {"shortcut": "none"}),
    ("resnet18", {"width": 4}, {"shortcut": "shortcut", "classifier": "linear"}),
    ("vit_tiny", {"width": 24, "depth": 2, "patch": 8}, {"names": torchvision_names}),
]


def save(path, tensors):
    """Writes a safetensors file."""
    codes = {v: k for k, v in TYPES.items()}
    header, data, offset = {}, [], 0
    for key, value in tensors.items():
        raw = value.detach().contiguous().numpy().tobytes()
        header[key] = {"dtype": codes[value.dtype], "shape": list(value.shape),
                       "data_offsets": [offset, offset + len(raw)]}
        data.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def load(path):
    """Reads a safetensors file: its tensors and its metadata."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata, body = header.pop("__metadata__", {}), bytearray(data[8 + length:])
    tensors = {}
    for key, entry in header.items():
        start, end = entry["data_offsets"]
        kind = TYPES[entry["dtype"]]
        flat = torch.frombuffer(body[start:end], dtype=kind) if end > start else torch.empty(0, dtype=kind)
        tensors[key] = flat.reshape(entry["shape"])
    return tensors, metadata


def rescale(model, images):
    """Changes the classifier so that the largest logit is 5: deep networks of random values overshoot."""
    classifier = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        factor = 5 / model(images).abs().max()
        classifier.weight *= factor
        classifier.bias *= factor


def standardised(images, mean, std):
    mean, std = torch.tensor(mean), torch.tensor(std)
    return (images.float() / 255 - mean[:, None, None]) / std[:, None, None]


def main(bobbin):
    print(f"interop: PyTorch {torch.__version__}; {check_names()}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "bobbin.yaml").touch()
        (folder / "data").mkdir()
        torch.manual_seed(0)
        for half in ("train", "test"):
            images = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
            save(folder / "data" / f"{half}.safetensors", {"samples": images, "labels": torch.arange(16) % 10})
        test = images

        stages = {"images": {"uses": "dataset/arrays", "with": {"path": "data"}}}
        for number, (name, parameters) in enumerate(OWN):
            stages[f"trained_{number}"] = {"uses": "train", "with": {
                "data": "${images}", "architecture": {"name": name, **parameters}, "epochs": 1, "batch": 8,
                "learning_rate": 0.01}}
        states = []
        for number, (name, parameters, naming) in enumerate([(*o, {}) for o in OWN] + FOREIGN):
            built = {key: value for key, value in naming.items() if key != "names"}
            model = randomise(network(name, **parameters, **built), number).eval()
            rescale(model, standardised(test, MEAN, STD))
            states.append(model)
            rename = naming.get("names", dict)
            save(folder / f"state_{number}.safetensors", rename(model.state_dict()))
            stages[f"imported_{number}"] = {"uses": "model/import", "with": {
                "path": f"state_{number}.safetensors", "architecture": {"name": name, **parameters}, "mean": MEAN,
                "std": STD}}
        models = [name for name in stages if name != "images"]
        for name in models:
            stages[f"{name}_logits"] = {"uses": "activations", "with": {
                "model": "${%s}" % name, "data": "${images}", "cut": "logits", "samples": None}}
        # JSON is YAML.
        (folder / "p.yaml").write_text(json.dumps({"version": 1, "stages": stages}))

        def run(*arguments):
            done = subprocess.run([bobbin, *arguments], cwd=folder, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"interop: bobbin {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}{done.stderr}")

        run("run", "p.yaml", "--quiet")

        def get(instance):
            path = folder / f"{instance}.out.safetensors"
            run("get", "p.yaml", instance, "-o", str(path))
            return load(path)

        failures = 0

        def compare(what, instance, model, images):
            nonlocal failures
            with torch.no_grad():
                expected = model(images)
            found = get(f"{instance}_logits")[0]["activations"]
            error = (found - expected).abs().max().item()
            # Logits of a size that 1e-4 means something for.
            size = expected.abs().max().item()
            fine = found.shape == expected.shape and error <= TOLERANCE and 0.01 < size < 100
            failures += not fine
            print(f"interop: {'ok' if fine else 'FAILED'}  {what}: logits up to {size:.2f} differ by {error:.1e}")

        for number, (name, parameters) in enumerate(OWN):
            said = " ".join([name, *(f"{k}={v}" for k, v in parameters.items())])
            tensors, metadata = get(f"trained_{number}.model")
            assert metadata["architecture"] == name, metadata
            assert all(metadata[k] == str(v) for k, v in parameters.items()), metadata
            model = network(name, **parameters)
            model.load_state_dict(tensors, strict=True)
            mean, std = ([float(x) for x in metadata[key].split(",")] for key in ("mean", "std"))
            compare(f"{said}, trained here", f"trained_{number}", model.eval(), standardised(test, mean, std))
        for number, (name, parameters, naming) in enumerate([(*o, {}) for o in OWN] + FOREIGN):
            said = " ".join([name, *(f"{k}={getattr(v, '__name__', v)}" for k, v in (parameters | naming).items())])
            compare(f"{said}, from PyTorch", f"imported_{number}", states[number], standardised(test, MEAN, STD))
        if failures:
            sys.exit(f"interop: {failures} of {len(models)} models differ")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 Tests/Interop BOBBIN")
    main(os.path.abspath(sys.argv[1]))
