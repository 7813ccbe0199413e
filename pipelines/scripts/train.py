"""Trains the small CNN on a dataset of the pipeline. Arguments: --seed, --epochs."""

import argparse

import bobbin
import torch
from small_cnn import SmallCNN, pixels, settle

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch", type=int, default=64)
arguments = parser.parse_args()

device = settle(arguments.seed)
half = bobbin.input("images").load()["train"]
images, labels = pixels(half), torch.from_numpy(half["labels"].copy()).long()
model = SmallCNN(channels=images.shape[1], classes=int(labels.max()) + 1).to(device)
optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, arguments.epochs)

for epoch in range(arguments.epochs):
    total = 0.0
    for batch in torch.randperm(len(images)).split(arguments.batch):
        loss = torch.nn.functional.cross_entropy(model(images[batch].to(device)), labels[batch].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item() * len(batch)
    schedule.step()
    bobbin.progress((epoch + 1) / arguments.epochs, epoch=f"{epoch + 1}/{arguments.epochs}", loss=total / len(images))

bobbin.save_model(model)
