"""Trained networks that come with the library, each a folder with a card, README.md.

A folder holds one checkpoint of the experiment with its hparams.json and dataset.json, as
`python -m training.export` writes them.
"""

import json
import pathlib

import tensorflow as tf

# Name: what it is, its error on test data, how it was trained.
NETWORKS = {
    "mnist": "digits of 28x28 pixels; 0.40 % of MNIST's test digits are wrong; trained on all "
             "60,000 training digits for 16,500 steps",
    "mnist_small": "the same digits, with 8 types of primary capsules instead of 32; 0.42 % wrong; "
                   "trained for 5,000 steps",
}


def read(name):
    """Returns CapsNet's arguments for a network, a dict, and its {variable's path: array}.

    Raises:
      ValueError: for an unknown name; the message lists the known ones.
    """
    if name not in NETWORKS:
        known = "".join(f"\n  {known}: {about}" for known, about in NETWORKS.items())
        raise ValueError(f"Expected the name of a trained network:{known}\nReceived: {name!r}.")
    folder = pathlib.Path(__file__).parent / name
    hparams, data = (json.loads((folder / file).read_text())
                     for file in ("hparams.json", "dataset.json"))
    arguments = {
        "image_shape": (data["height"], data["width"], data["depth"]),
        "num_classes": data["num_classes"], "num_targets": data["num_targets"],
        "primary_types": hparams["num_prime_capsules"], "routing": hparams["routing"],
        "padding": hparams["padding"].lower(), "decoder": hparams["remake"]}
    index, = folder.glob("*.index")
    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    arrays = {key.split("/.ATTRIBUTES")[0].removeprefix("network/"): reader.get_tensor(key)
              for key in reader.get_variable_to_dtype_map() if key.startswith("network/")}
    return arguments, arrays
