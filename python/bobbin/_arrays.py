"""Owns arrays on their way to and from files: safetensors, read and written here, and what numpy and PyTorch have."""

import json
import os
import struct

# As safetensors calls them, with numpy's names and the bytes of an element.
_TYPES = {
    "F64": ("<f8", 8),
    "F32": ("<f4", 4),
    "F16": ("<f2", 2),
    "I64": ("<i8", 8),
    "I32": ("<i4", 4),
    "I16": ("<i2", 2),
    "I8": ("|i1", 1),
    "U64": ("<u8", 8),
    "U32": ("<u4", 4),
    "U16": ("<u2", 2),
    "U8": ("|u1", 1),
    "BOOL": ("|b1", 1),
}
_NAMES = {numpy_name: name for name, (numpy_name, _) in _TYPES.items()}


class BobbinError(Exception):
    """What is wrong, and how to mend it."""


def numpy(purpose):
    """The module numpy, which only what deals with arrays needs."""
    try:
        import numpy
    except ImportError as error:
        raise BobbinError(f"{purpose} needs numpy: pip install numpy") from error
    return numpy


def array(values, purpose):
    """Values as an array of numpy: of PyTorch's tensors (also those of a graph or a GPU), lists, numbers."""
    np = numpy(purpose)
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
        values = values.numpy()
    return np.asarray(values)


def read_safetensors(path):
    """The arrays of a file by name, and its metadata."""
    np = numpy("reading safetensors")
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        header = _header(file, size, path)
        start = file.tell()
        content = np.fromfile(file, dtype=np.uint8)
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in _TYPES:
            raise BobbinError(f"{path}: '{name}' has elements of type {entry['dtype']}, which aren't read here")
        kind, width = _TYPES[entry["dtype"]]
        low, high = entry["data_offsets"]
        count = 1
        for extent in entry["shape"]:
            count *= extent
        if not 0 <= low <= high <= size - start or high - low != count * width:
            raise BobbinError(f"{path}: '{name}' doesn't fit into the file")
        found[name] = content[low:high].view(kind).reshape(entry["shape"])
    return found, header.get("__metadata__", {})


def read_metadata(path):
    """A safetensors file's metadata alone."""
    with open(path, "rb") as file:
        return _header(file, os.path.getsize(path), path).get("__metadata__", {})


def is_safetensors(path):
    """Whether a file begins as one does."""
    with open(path, "rb") as file:
        start = file.read(9)
    return len(start) == 9 and struct.unpack("<Q", start[:8])[0] <= os.path.getsize(path) - 8 and start[8:] == b"{"


def _header(file, size, path):
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    if length > size - 8:
        raise BobbinError(f"{path} is no safetensors file")
    try:
        return json.loads(file.read(length))
    except ValueError as error:
        raise BobbinError(f"{path} is no safetensors file: its header isn't JSON") from error


def write_safetensors(path, arrays, metadata=None):
    """Writes arrays by name. Equal content gives equal bytes."""
    np = numpy("writing safetensors")
    prepared = {}
    for name, values in arrays.items():
        values = array(values, "writing safetensors")
        kind = values.dtype.newbyteorder("<").str
        if kind not in _NAMES:
            raise BobbinError(f"'{name}' has elements of type {values.dtype}, which safetensors hasn't")
        prepared[name] = np.ascontiguousarray(values, dtype=kind).reshape(values.shape)
    # The widest first, so that all are aligned.
    order = sorted(prepared, key=lambda name: (-prepared[name].dtype.itemsize, name))
    header = {"__metadata__": {str(key): str(value) for key, value in sorted(metadata.items())}} if metadata else {}
    offset = 0
    for name in order:
        values = prepared[name]
        header[name] = {
            "dtype": _NAMES[values.dtype.newbyteorder("<").str],
            "shape": list(values.shape),
            "data_offsets": [offset, offset + values.nbytes],
        }
        offset += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for name in order:
            file.write(prepared[name].tobytes())
