"""Owns what Bobbin tells a command, in the file that BOBBIN_INPUTS names, and what a command tells Bobbin while it runs,
in the file that BOBBIN_PROGRESS names."""

import json
import math
import os
import shutil

from ._arrays import BobbinError


class Member(os.PathLike):
    """One thing that the stage reads: a path, and of a group's member its stage and axes."""

    def __init__(self, path, stage=None, axes=None):
        self.path = path
        #: The stage that made it; None for a file, and for a reference to one instance alone.
        self.stage = stage
        #: Its place in the group, `{"seed": "0"}`: values as the pipeline file writes them.
        self.axes = dict(axes or {})

    def __fspath__(self):
        return self.path

    def __repr__(self):
        axes = ", ".join(f"{name}={value}" for name, value in self.axes.items())
        return f"<{self.stage or 'file'}[{axes}] at {self.path}>"

    def load(self, torch=False):
        """The artifact, as `bobbin.load` reads it."""
        from ._artifacts import load

        return load(self, torch=torch)


class Output(os.PathLike):
    """One thing that the stage is to write: a path, and what becomes of the file."""

    def __init__(self, path, type="file"):
        self.path = path
        #: `activations`, `model` …; `file` for a plain file.
        self.type = type

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return f"<{self.type} at {self.path}>"


def is_running():
    """Whether Bobbin runs this program as a stage."""
    return "BOBBIN_INPUTS" in os.environ


def _manifest():
    if not is_running():
        raise BobbinError(
            "this program isn't run by Bobbin, so it has no inputs and outputs by name. Give default=PATH to run it alone"
        )
    with open(os.environ["BOBBIN_INPUTS"], encoding="utf-8") as file:
        return json.load(file)


def inputs(name=None):
    """The inputs by name, each a list of `Member`s in the order of the pipeline file; with a name, that list.

    Names are those under `inputs:` of the stage; what only stands in its `run` is called "1", "2" … in the order of
    first appearance.
    """
    found = {key: [Member(**member) for member in members] for key, members in _manifest()["inputs"].items()}
    if name is None:
        return found
    if name not in found:
        raise BobbinError(f"there is no input '{name}'. The stage has {_listed(found)}")
    return found[name]


def input(name, default=None):
    """The only member of an input. `default` is a path for when the program runs without Bobbin."""
    if default is not None and not is_running():
        return Member(os.fspath(default))
    members = inputs(name)
    if len(members) != 1:
        raise BobbinError(f"input '{name}' has {len(members)} members. Take inputs('{name}')")
    return members[0]


def outputs():
    """The outputs by name."""
    return {key: Output(**output) for key, output in _manifest()["outputs"].items()}


def output(name=None, default=None, type=None):
    """The output of that name; without a name the only one, or the only one of a type.

    `default` is a path for when the program runs without Bobbin.
    """
    if not is_running() and default is not None:
        return Output(os.fspath(default), type or "file")
    found = outputs()
    if name is not None:
        if name not in found:
            raise BobbinError(f"there is no output '{name}'. The stage has {_listed(found)}")
        return found[name]
    fitting = [one for one in found.values() if one.type == type] or list(found.values())
    if len(fitting) != 1:
        raise BobbinError(f"which output? The stage has {_listed(found)}")
    return fitting[0]


def progress(fraction, **details):
    """Says how far the work is, from 0 to 1, and what to show with it: progress(0.3, epoch="3/10", loss=0.12)."""
    path = os.environ.get("BOBBIN_PROGRESS")
    if not path:
        return
    fraction = float(fraction)
    line = {"progress": min(max(fraction, 0.0), 1.0) if math.isfinite(fraction) else 0.0}
    for name, value in details.items():
        line[name] = _plain(value)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")


def state(default=None):
    """The output that holds the state of the work while it runs: the stage says `resume: ${out.NAME}`. After an
    interruption the last checkpoint is there before the program starts; else nothing is.

    `default` is a path for when the program runs without Bobbin.
    """
    if default is not None and not is_running():
        return Output(os.fspath(default))
    name = _manifest().get("resume")
    if name is None:
        raise BobbinError("the stage doesn't say which output holds its state. Write resume: ${out.NAME}")
    return output(name)


def checkpoint(path, place=None, default=None):
    """Says that the file or folder `path` is a complete state, to go on from after an interruption. It is moved to where
    `state()` is, unless it is there already.

    `place` is shown: "epoch 4". `default` is as for `state`.
    """
    target = os.fspath(state(default))
    path = os.fspath(path)
    if os.path.abspath(path) != os.path.abspath(target):
        # A file gives way in one step; a folder can't.
        if os.path.isdir(target):
            shutil.rmtree(target)
        os.replace(path, target)
    told = os.environ.get("BOBBIN_PROGRESS")
    if told:
        with open(told, "a", encoding="utf-8") as file:
            file.write(json.dumps({"checkpoint": str(place) if place else True}) + "\n")


def _plain(value):
    """A number or text as JSON has it; numbers of numpy and PyTorch are numbers too."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (bool, int, float)) else str(value)


def _listed(names):
    return ", ".join(f"'{name}'" for name in names) or "none"
