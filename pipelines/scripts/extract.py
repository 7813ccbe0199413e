"""What a trained network makes of the first test images at a cut. Arguments: --cut, --samples."""

import argparse

import bobbin
import torch
from small_cnn import SmallCNN, pixels, settle

parser = argparse.ArgumentParser()
parser.add_argument("--cut", required=True)
parser.add_argument("--samples", type=int, default=100)
arguments = parser.parse_args()

device = settle(0)
state = bobbin.input("weights").load(torch=True)
images = pixels(bobbin.input("images").load()["test"])[: arguments.samples]
model = SmallCNN(channels=images.shape[1], classes=len(state["fc.bias"]), width=len(state["bn1.bias"]))
model.load_state_dict(state)
model.to(device).eval()
with torch.no_grad():
    found = [model.cuts(batch.to(device))[arguments.cut].cpu() for batch in images.split(100)]
bobbin.save_activations(torch.cat(found))
