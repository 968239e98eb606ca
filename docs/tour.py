# %% [markdown]
# # A tour of capsule networks
#
# Layers by hand, routing step by step, a training of a minute, and what the network's sixteen
# numbers for a digit mean. The paper is "Dynamic Routing Between Capsules" (Sabour, Frosst,
# Hinton 2017, [arXiv:1710.09829](https://arxiv.org/abs/1710.09829)).
#
# The notebook `docs/tour.ipynb` is made from `docs/tour.py` by `make tour`; change the latter.

# %%
import os
import sys

while not os.path.exists("experiment.py"):      # the project's folder, above this one
    os.chdir("..")
sys.path.insert(0, os.getcwd())

from commands import quiet_tensorflow

quiet_tensorflow.load()

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import capsules
import input_data

STEPS = int(os.environ.get("TOUR_STEPS", "600"))      # of the training below

# %% [markdown]
# ## A capsule's length is a probability
#
# A capsule is a vector. Its direction says what the thing looks like, its length how likely it
# is there at all. `squash` (equation 1) makes any vector shorter than 1 and keeps its direction.

# %%
lengths = np.linspace(0, 6, 100)
squashed = capsules.squash(np.stack([lengths, 0 * lengths], axis=1))

figure, axis = plt.subplots(figsize=(4, 2.4), layout="constrained")
axis.plot(lengths, capsules.norm(squashed), color="#0072B2")
axis.set(xlabel="length before", ylabel="length after", ylim=(0, 1))
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Layers by hand
#
# A digit goes through a convolution, then through primary capsules: another convolution, whose
# channels are grouped into vectors of 8. Each of the 6 x 6 places has a capsule of each type.

# %%
test = input_data.load("mnist", None, "test")         # the sample that comes with the project
digit = test.prepare(test.read(np.array([0])), tf.zeros([2], tf.int64))

convolution = capsules.SpectralConv2D(256, 9, activation="relu")
primary = capsules.PrimaryCapsules(num_capsules=8)
classes = capsules.ClassCapsules(num_capsules=10, routing=3)

features = convolution(digit["images"])
parts = primary(features)
wholes = classes(parts)
for name, tensor in (("image", digit["images"]), ("features", features),
                     ("primary capsules", parts), ("class capsules", wholes)):
    print(f"{name:17} {tensor.shape}")

# %% [markdown]
# ## Routing, step by step
#
# Five capsules vote for two. A vote is a vector: what a part believes the whole to look like.
# Here three parts agree about the first whole and disagree about the second; the other two
# have it the other way round.

# %%
first = [[0.9, 0.8], [1.0, 0.7], [0.8, 0.9], [-0.9, 0.2], [0.3, -1.0]]
second = [[0.9, -0.3], [-0.8, -0.5], [0.2, -0.9], [-0.6, 0.9], [-0.7, 0.8]]
votes = np.stack([first, second], axis=1)              # [in_caps, out_caps, atoms]

# %% [markdown]
# Procedure 1 of the paper in plain NumPy. Every part starts with even shares; a share grows
# where a vote points the same way as the outcome.

# %%
logits = np.zeros([5, 2])
for iteration in range(1, 4):
    coupling = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sums = (coupling[:, :, None] * votes).sum(axis=0)  # [out_caps, atoms]
    outcome = capsules.squash(sums).numpy()
    logits += (votes * outcome).sum(axis=2)            # the agreement
    print(f"iteration {iteration}: shares of the first whole {coupling[:, 0].round(2)}, "
          f"lengths {np.linalg.norm(outcome, axis=1).round(2)}")

# %% [markdown]
# The library does the same, for batches, and shows every step on request.

# %%
routing = capsules.DynamicRouting(iterations=3)
steps = routing.steps(votes[None].astype(np.float32), np.zeros([2, 2], "f"))
assert np.allclose(steps.capsules[-1, 0], outcome, atol=1e-5)

figure, axes = plt.subplots(2, 3, figsize=(7, 4.6), layout="constrained", sharex=True,
                            sharey=True)
for whole, row in enumerate(axes):
    for iteration, axis in enumerate(row):
        for vote, share in zip(votes[:, whole], steps.couplings[iteration, 0, :, whole]):
            axis.plot(*zip((0, 0), vote), color="#56B4E9", linewidth=6 * share)
        axis.plot(*zip((0, 0), steps.capsules[iteration, 0, whole]), color="#D55E00",
                  linewidth=2, marker="o", markevery=[1])
        axis.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
        axis.set_title(f"whole {whole + 1}, iteration {iteration + 1}", fontsize=10)
figure.supxlabel("votes (blue, as wide as their share) and outcome (red, with a dot)", fontsize=10)
plt.show()

# %% [markdown]
# ## Training for a minute
#
# The network of the paper with 8 types of primary capsules instead of 32, on the sample of
# MNIST. This is what `experiment.py` does with the same settings.

# %%
import contextlib
import tempfile

from training.checkpoints.read import latest_checkpoint
from training.config import Config
from training.train import train

folder = tempfile.TemporaryDirectory()
settings = Config(
    summary_dir=folder.name, max_steps=STEPS, batch_size=16,
    hparams_override=f"num_prime_capsules=8,learning_rate=0.003,decay_rate=0.1,"
                     f"decay_steps={STEPS}")
with (open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere),
      contextlib.redirect_stderr(nowhere)):
    train(settings)

# %%
history = np.genfromtxt(os.path.join(settings.train_folder, "history.csv"), delimiter=",",
                        names=True)
figure, axis = plt.subplots(figsize=(5, 2.4), layout="constrained")
axis.plot(np.atleast_1d(history["step"]), 100 * np.atleast_1d(history["accuracy"]),
          color="#0072B2")
axis.set(xlabel="training step", ylabel="digits of a batch\nread right, %", ylim=(0, 102))
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## What it reads, and how it routes
#
# Routing in the trained network: which of the primary capsules' votes went to which class.

# %%
from reports import dimensions, routing, trained_network
from reports.drawing import dimension_pictures
from training.monitoring.routing_maps import routing_maps

network, test = trained_network.load(
    trained_network.of_checkpoint(latest_checkpoint(settings.train_folder)))
folder.cleanup()
wrong, seen = 0, 0
for batch, predictions, _ in trained_network.answers(network, test, most=1000):
    wrong += np.sum(~trained_network.right(batch["targets"], predictions))
    seen += len(predictions)
print(f"{wrong} of {seen} test digits wrong")

# %%
maps = routing_maps(network, digit["images"])
routing.figure(digit["images"][0].numpy(), maps, test.info.class_names,
               f"Read as {maps.lengths[-1, 0].argmax()}")

# %% [markdown]
# ## Turning the dimensions
#
# The decoder draws a digit from the sixteen numbers of its capsule alone. Moving one number at
# a time shows what it stands for: slant, width, thickness, the length of a stroke. After a
# minute's training few are clear; `make demo` trains longer, and
# `python -m reports.dimensions` draws any digit of any checkpoint.

# %%
dimension_pictures.figure(dimensions.turned_examples(network, test, [0]))
