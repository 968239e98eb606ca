# %% [markdown]
# # A tour of capsule networks
#
# This notebook builds the network of "Dynamic Routing Between Capsules" (Sabour, Frosst, Hinton
# 2017, [arXiv:1710.09829](https://arxiv.org/abs/1710.09829)) step by step. You will squash a
# vector, route votes by hand, train a small network for about a minute, and look inside one that
# was trained for an hour and a half. A laptop without a graphics card is enough.
#
# ![The capsule network and its shapes](pictures/network.png)

# %%
import os
import pathlib
import sys

here = pathlib.Path.cwd()
project = next((folder for folder in (here, *here.parents)
                if (folder / "experiment.py").exists()), None)
if project is None:
    raise FileNotFoundError("This notebook needs the project: clone it, and open docs/tour.ipynb.")
os.chdir(project)
sys.path.insert(0, str(project))

from commands import quiet_tensorflow

quiet_tensorflow.load()

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import capsules
import input_data
from capsules import CapsNet

STEPS = int(os.environ.get("TOUR_STEPS", "300"))      # of the training below

# %% [markdown]
# ## A capsule is a vector
#
# An ordinary unit gives one number. A capsule gives several. The vector's direction describes a
# thing, for example its slant and its size. The vector's length is the probability that the
# thing is there. A probability is at most 1, so every capsule goes through `squash` (equation 1),
# which keeps the direction and shrinks the length below 1.

# %%
lengths = np.linspace(0, 6, 100)
squashed = capsules.squash(np.stack([lengths, 0 * lengths], axis=1))

figure, axis = plt.subplots(figsize=(4, 2.4), layout="constrained")
axis.plot(lengths, capsules.norm(squashed), color="#0072B2")
axis.set(xlabel="length before", ylabel="length after", ylim=(0, 1))
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## From pixels to capsules
#
# Three layers turn an image into ten class capsules. The first is an ordinary convolution. The
# primary capsules are a second convolution, whose channels are grouped into vectors of 8 numbers:
# 32 types of capsules at each of 6 x 6 places. The class capsules have 16 numbers each.

# %%
def read(split):
    """Returns the digits of the project's sample of MNIST as arrays: images and labels."""
    data = input_data.load("mnist", None, split)
    stored = data.read(np.arange(data.info.num_examples))
    return stored["images"].astype(np.float32) / 255, stored["targets"][:, 0]


train_images, train_labels = read("train")
test_images, test_labels = read("test")

features = capsules.SpectralConv2D(256, 9, activation="relu")(test_images[:1])
parts = capsules.PrimaryCapsules(num_capsules=32, atoms=8)(features)
wholes = capsules.ClassCapsules(num_capsules=10, atoms=16, routing=3)(parts)
for name, tensor in (("image", test_images[:1]), ("features", features),
                     ("primary capsules", parts), ("class capsules", wholes)):
    print(f"{name:17} {tuple(tensor.shape)}")

# %% [markdown]
# ## Routing by hand
#
# Every primary capsule, a part, votes for every class, a whole. A vote is a vector: the whole as
# this part imagines it. Parts of the same thing agree, so agreement is evidence. To see it, take
# five parts, two wholes and votes of two numbers. Parts 1, 2 and 3 agree on whole A; parts 4 and 5
# agree on whole B.

# %%
from reports.manual.votes import VOTES, route
from reports.manual.votes import figure as draw_votes

print("for A:", *VOTES[:, 0], "for B:", *VOTES[:, 1], sep="\n")

# %% [markdown]
# Now procedure 1 of the paper in plain NumPy. Each part divides itself between the wholes. At
# first the shares are equal. A whole is the squashed sum of its votes, weighted by the shares.
# Then each part moves its share to the whole that its vote agrees with, and all is repeated.

# %%
logits = np.zeros([5, 2])
for iteration in range(1, 4):
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)     # a softmax
    outcome = capsules.squash((shares[:, :, None] * VOTES).sum(axis=0)).numpy()
    logits += (VOTES * outcome).sum(axis=2)             # scalar products: the agreement
    print(f"iteration {iteration}: shares for A {shares[:, 0].round(2)}, "
          f"lengths {np.linalg.norm(outcome, axis=1).round(2)}")

# %% [markdown]
# The library's `DynamicRouting` computes the same. In the picture, votes are as thick as their
# shares. Votes that agree pull the capsule to them, it grows, and parts that disagree turn away.

# %%
library_shares, library_capsules = route(VOTES, iterations=3)
assert np.allclose(library_capsules[-1], outcome, atol=1e-5)

draw_votes(VOTES, library_shares, library_capsules)

# %% [markdown]
# ## A minute of training
#
# `CapsNet` puts the layers together, adds the decoder, and is a Keras model like any other. It is
# trained on two losses at once. The margin loss asks for a capsule longer than 0.9 for the right
# class, and for capsules shorter than 0.1 for the others. The reconstruction loss asks the decoder
# to redraw the image from the right capsule alone. This network has 8 types of primary capsules
# instead of 32 and sees only a few thousand digits, so it stays far from the paper's result.

# %%
keras.utils.set_random_seed(0)
small = CapsNet(image_shape=(28, 28, 1), num_classes=10, primary_types=8)
rate = keras.optimizers.schedules.ExponentialDecay(0.003, STEPS, decay_rate=0.1)
small.compile(optimizer=keras.optimizers.Adam(rate))

batches = tf.data.Dataset.from_tensor_slices((train_images, train_labels)).shuffle(10000).repeat()
POINT = min(10, STEPS)                      # steps for each point of the curves
history = small.fit(batches.batch(16), steps_per_epoch=POINT, epochs=STEPS // POINT, verbose=0,
                    shuffle=False)          # the data set shuffles
results = small.evaluate(test_images[:500], test_labels[:500], verbose=0, return_dict=True)
print(f"{results['accuracy']:.1%} of 500 test digits are classified correctly.")

# %% [markdown]
# The learning curves show both losses and the error. The margin loss falls fast. Reconstructions
# improve more slowly: the decoder has to learn to draw.

# %%
from reports.drawing import learning_curves


def row(step, logs):
    """Names a step's results as the project's history.csv does."""
    return {"step": step, "batch_classification_cost": logs["classification_loss"],
            "reconstruction_error": logs["reconstruction_loss"], "accuracy": logs["accuracy"]}


points = [dict(zip(history.history, values)) for values in zip(*history.history.values())]
learning_curves.of_run([row(POINT * number, logs) for number, logs in enumerate(points, 1)],
                       [row(STEPS, results)])

# %% [markdown]
# ## A network with more training
#
# The project comes with a network that was trained on all 60,000 digits for 93 minutes. One line
# loads it. It misclassifies 0.40 % of MNIST's 10,000 test digits (paper: 0.25 %). Here are the
# first 1,000 of the project's sample, and the capsules' lengths for three of the mistakes.

# %%
network = CapsNet.from_pretrained("mnist")
lengths = network.predict(test_images[:1000], verbose=0)
read_as = lengths.argmax(axis=1)
wrong = np.flatnonzero(read_as != test_labels[:1000])
print(f"{len(wrong)} of {len(lengths)} test digits wrong")
for number in wrong[:3]:
    longest = lengths[number].argsort()[:-3:-1]
    print(f"image {number}, a {test_labels[number]}: " + ", ".join(
        f"length {lengths[number, digit]:.3f} for {digit}" for digit in longest))

# %% [markdown]
# The decoder redraws a digit from the 16 numbers of its capsule. Above are ten test digits, below
# their reconstructions. The strokes are smoother, but they keep the writer's slant and thickness.

# %%
redrawn = network.reconstruct(test_images[:10])[:, 0]
figure, axis = plt.subplots(figsize=(8, 1.8), layout="constrained")
axis.imshow(np.vstack([np.hstack(test_images[:10]), np.hstack(redrawn)]), cmap="gray")
axis.axis("off")
plt.show()

# %% [markdown]
# ## Where the votes come from
#
# Now routing in a whole network: 1,152 primary capsules vote for ten classes. In the first
# iteration every class gets the same share of each place. In the third, most capsules still
# divide their votes almost equally, but a few give most of theirs to one class, and these decide.
# For this 4 they look at the open top, which a 9 does not have, and at the lower left, where a 6
# would go on. The colour scale leaves out the strongest one percent, so that you can see the rest.

# %%
from reports import routing
from reports.drawing.receptive_fields import receptive_fields
from training.monitoring.routing_maps import routing_maps

digit = test_images[4:5]
routing.figure(digit[0], routing_maps(network, digit),
               receptive_fields(network.encoder, network.image_shape), "0123456789",
               f"Test image 4, a {test_labels[4]}: classified as {read_as[4]}")

# %% [markdown]
# ## What the sixteen numbers mean
#
# Change one number of the capsule and decode it again: the 4 becomes thicker, more slanted, more
# open. Nobody told the network about slant; it found these descriptions because they help to
# redraw digits. Every class has meanings of its own, and many dimensions mix several.

# %%
from reports import dimensions
from reports.drawing import dimension_pictures

meanings = {6: "thickness", 3: "slant", 14: "open top", 12: "width", 1: "length of the bar"}
capsule = network.represent(digit).numpy()[0]           # 10 classes, 16 numbers
turned = dimensions.turn(network, capsule, target=4)    # 16 dimensions, 11 values, an image each
dimension_pictures.figure([dimension_pictures.Turned(
    "Dimensions of the 4's capsule", [f"{name} ({number})" for number, name in meanings.items()],
    turned[np.array(list(meanings)) - 1])])

# %% [markdown]
# ## Try it yourself
#
# - Before routing by hand, set `VOTES[2, 0] = [-0.22, 1.19]`, which turns part 3's vote for A by 40
#   degrees, then `[-0.61, 1.04]`, by 60. Which whole does part 3 choose?
# - Train with `routing=1` instead of 3, or with `decoder=False`. What do the curves say?
# - Write a digit, take a photo, and read it: `python -m reports.predict photo.jpg`.
# - Train longer: `make demo` takes some minutes, and the recipes in `recipes/` say what longer
#   trainings reach.
