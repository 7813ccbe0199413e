"""Owns the artifacts of pipelines as a script sees them: any of them read by `load`, and own ones written so that native
stages take them."""

import csv
import json
import math
import os

from . import _stage
from ._arrays import BobbinError, array, is_safetensors, numpy, read_metadata, read_safetensors, write_safetensors


def load(artifact, torch=False):
    """What is in an artifact, or in any file of the same sorts; of an input, its only member.

    safetensors and npz: arrays by name. npy: the array. json: the value. csv: one dictionary a row, numbers as numbers.
    A dataset: {"train": {"samples": …, "labels": …, "description": …}, "test": …}; any other folder: what is in its
    files by their names. With `torch` arrays are PyTorch's tensors.
    """
    path = os.fspath(artifact)
    value = _read(path)
    return _tensors(value) if torch else value


def _read(path):
    if os.path.isdir(path):
        return _folder(path)
    ending = os.path.splitext(path)[1].lower()
    if ending == ".json":
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    if ending == ".csv":
        with open(path, encoding="utf-8", newline="") as file:
            return [{name: _number(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    with open(path, "rb") as file:
        start = file.read(6)
    if start == b"\x93NUMPY":
        return numpy("reading .npy").load(path, allow_pickle=False)
    if start[:2] == b"PK":
        with numpy("reading .npz").load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    if is_safetensors(path):
        return read_safetensors(path)[0]
    raise BobbinError(f"{path}: expected safetensors, npy, npz, json or csv, or a folder of these")


def _folder(path):
    names = sorted(os.listdir(path))
    if {"description.json", "samples.safetensors"} <= set(names):
        description = _read(os.path.join(path, "description.json"))
        if description.get("shortcut"):
            raise BobbinError(
                f"{path}: these images get their marks when they are read, which only native stages do. "
                "Take the dataset without the shortcut"
            )
        return {**_read(os.path.join(path, "samples.safetensors")), "description": description}
    return {os.path.splitext(name)[0]: _read(os.path.join(path, name)) for name in names}


def _number(cell):
    for kind in (int, float):
        try:
            return kind(cell)
        except (TypeError, ValueError):
            pass
    return cell


def _tensors(value):
    if isinstance(value, dict):
        return {name: _tensors(entry) for name, entry in value.items()}
    if hasattr(value, "dtype"):
        import torch

        return torch.from_numpy(value.copy())
    return value


def metadata(artifact):
    """What a safetensors file says beside its arrays: of a model its architecture, say. Needs no numpy."""
    return read_metadata(os.fspath(artifact))


def save_activations(values, samples=None, output=None):
    """Writes activations, samples first (n × …, float32).

    `samples` are their numbers in the dataset's half, where they aren't simply the first n. `output` is the output's
    name, where the stage has several; without Bobbin, a path.
    """
    np = numpy("saving activations")
    values = np.ascontiguousarray(array(values, "saving activations"), dtype=np.float32)
    if values.ndim < 2:
        raise BobbinError(f"activations have shape {values.shape}; expected samples first, and at least one number of each")
    if not np.isfinite(values).all():
        raise BobbinError("the activations hold infinities or values that are no numbers")
    arrays = {"activations": values}
    if samples is not None:
        indices = array(samples, "saving activations")
        if indices.shape != values.shape[:1] or indices.dtype.kind not in "iu":
            raise BobbinError(
                f"samples are {len(indices)} of type {indices.dtype}; expected {len(values)} whole numbers, one for each row"
            )
        arrays["indices"] = indices.astype(np.int64)
    path = _place(output, "activations")
    if path.endswith(".npy"):
        if samples is not None:
            raise BobbinError(f"{path}: a .npy file holds one array; call it .safetensors to say of which samples it is")
        np.save(path, values, allow_pickle=False)
    elif path.endswith(".npz"):
        np.savez(path, **arrays)
    else:
        write_safetensors(path, arrays)


def save_scores(scores, output=None):
    """Writes numbers by name, which tables and heatmaps read: {"brain_score": 0.31}. Lists of numbers may be among them."""
    plain = {str(name): _score(name, value) for name, value in scores.items()}
    with open(_place(output, "scores"), "w", encoding="utf-8") as file:
        json.dump(plain, file, sort_keys=True, allow_nan=False)
        file.write("\n")


def _score(name, value):
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_score(name, entry) for entry in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BobbinError(f"the score '{name}' is {value!r}; expected a number")
    if not math.isfinite(value):
        raise BobbinError(f"the score '{name}' is {value}; expected a finite number")
    return value


def save_model(state, output=None, metadata=None):
    """Writes a PyTorch state dict (or arrays by name) as safetensors, for `model/import`: torchvision's names."""
    if hasattr(state, "state_dict"):
        state = state.state_dict()
    write_safetensors(_place(output, "model"), state, metadata)


def _place(output, type):
    if not _stage.is_running():
        if output is None:
            raise BobbinError("this program isn't run by Bobbin: say where to write with output=PATH")
        return os.fspath(output)
    if isinstance(output, os.PathLike):
        return os.fspath(output)
    return _stage.output(output, type=type).path
