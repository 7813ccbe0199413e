"""What a script needs that runs as a stage of a Bobbin pipeline: its inputs and outputs by name, progress, and readers
and writers of artifacts.

Nothing but the standard library is needed to import it; numpy is wanted by what deals with arrays, PyTorch never unless
it is asked for. Outside of Bobbin everything works with plain paths, and progress goes nowhere.
"""

from ._arrays import BobbinError
from ._artifacts import load, metadata, save_activations, save_model, save_scores
from ._stage import Member, Output, checkpoint, input, inputs, is_running, output, outputs, progress, state

__all__ = [
    "BobbinError",
    "Member",
    "Output",
    "checkpoint",
    "input",
    "inputs",
    "is_running",
    "load",
    "metadata",
    "output",
    "outputs",
    "progress",
    "save_activations",
    "save_model",
    "save_scores",
    "state",
]
