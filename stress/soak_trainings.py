"""The trainings of the soak test: networks of the smallest size on small data."""

import dataclasses
import os
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAMPLE = 200            # digits of the baseline's data
CROP = slice(6, 22)     # of their rows and columns: the baseline's size follows from the images'


@dataclasses.dataclass(frozen=True)
class Training:
    """A training.

    Attributes:
      name: str.
      arguments: tuple of str, of experiment.py; --summary_dir and the steps are not among them.
    """

    name: str
    arguments: tuple


def trainings(folder):
    """Returns {name: Training}; the data that one of them needs are made in a folder."""
    small = "--hparams_override=num_prime_capsules=1,routing=2"
    found = (
        Training("capsule", (small, "--batch_size=4")),
        Training("baseline", ("--model=baseline", f"--data_dir={folder}", "--batch_size=4")),
        Training("multimnist", (small, "--num_targets=2", "--batch_size=4",
                                f"--data_dir={ROOT}/testdata/multimnist/"
                                "multitrain_4shifted_mnist.tfrecords@3")),
        Training("cifar10", (small, "--dataset=cifar10", "--batch_size=4",
                             f"--data_dir={ROOT}/testdata/cifar10")),
    )
    return {training.name: training for training in found}


NAMES = tuple(trainings(""))


def make_data(folder):
    """Writes MNIST's training files with the middles of the sample's first digits."""
    from input_data.formats import idx
    from input_data.mnist import mnist_input

    images, labels = mnist_input.read_idx_split(mnist_input.SAMPLE, "train")
    arrays = images[:SAMPLE, CROP, CROP, 0], labels[:SAMPLE].astype("uint8")
    for name, array in zip(idx.NAMES["train"], arrays):
        header = bytes([0, 0, idx.UINT8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(header + array.tobytes())
