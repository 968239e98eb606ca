"""What the tests of several rooms share."""

import contextlib
import gc
import gzip
import io
import os
import socket
import struct
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from commands import quiet_tensorflow

ROOT = os.path.dirname(os.path.abspath(__file__))
TESTDATA = os.path.join(ROOT, "testdata")
CPUS = 4        # logical ones, for the tests of several devices


def split_cpu():
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * CPUS)


quiet_tensorflow.load(before_use=split_cpu)

# TensorFlow is loaded quietly first.
import experiment  # noqa: E402
from input_data.mnist import mnist_input  # noqa: E402
from training import config  # noqa: E402


@pytest.fixture(autouse=True)
def traced_functions_end():
    """What a test has traced can be freed, with the variables that it holds.

    TensorFlow registers each custom gradient that is traced, and with it the graph, for good.
    """
    yield
    from tensorflow.python.framework import ops

    registry = getattr(ops.gradient_registry, "_registry", {})
    for name in [name for name in registry if name.startswith("CustomGradient")]:
        del registry[name]


@pytest.fixture(scope="module", autouse=True)
def modules_start_clean():
    """What a module's tests have left behind is freed before the next one's."""
    yield
    gc.collect()


def write_idx(path, array):
    """Writes a uint8 array as an IDX file, gzipped if the name ends in .gz."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "wb") as file:
        file.write(header + array.tobytes())


def write_mnist(folder, images, labels, data="train"):
    """Writes images, uint8 [n, height, width], and labels as MNIST's IDX files."""
    prefix = "train" if data == "train" else "t10k"
    write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
    write_idx(folder / f"{prefix}-labels-idx1-ubyte", np.asarray(labels, np.uint8))


CLASS_FOLDERS = ("ant", "bee", "cat")


def write_class_folders(folder, per_class=4, size=(8, 10, 3), classes=CLASS_FOLDERS):
    """Writes PNG files of noise; the first pixel is the class, the second the file's number."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            pixels = np.random.default_rng([label, number]).integers(0, 256, size, np.uint8)
            pixels[0, 0], pixels[0, 1] = label, number
            pixels = pixels[..., 0] if size[-1] == 1 else pixels
            Image.fromarray(pixels).save(folder / name / f"{number:03}.png")


def png(image, mode="RGBA"):
    """Returns a grey image, uint8 [height, width], as the bytes of a PNG of some mode."""
    stream = io.BytesIO()
    Image.fromarray(image).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def start_following(*arguments):
    """Starts an evaluation that follows a training, in a thread, with flags of its own to parse.

    Returns:
      The thread.
    """
    values = config.new_flags()
    values(["experiment.py", "--train=false", "--poll_seconds=0.1", "--patience_minutes=2",
            *arguments])
    follower = threading.Thread(target=experiment.run, args=(config.from_flags(values),),
                                daemon=True)
    follower.start()
    return follower


def load_network(name, model, info, overrides=""):
    """Returns the network of a checkpoint, for the shapes of a DatasetInfo."""
    import models
    from training.checkpoints.read import StoredCheckpoint
    from training.run_folder import contents

    stored = StoredCheckpoint(name)
    hparams = contents.read_hparams(stored.folder) or models.default_hparams(model)
    network = models.build(model, hparams.override(overrides), info)
    stored.restore_network(network)
    return network


def free_ports(count):
    """Returns so many ports, no two the same, that nothing listens on."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def tensors(name):
    """Returns {key: bytes} of a checkpoint's variables, slots and step."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(name))
    return {key: np.asarray(reader.get_tensor(key)).tobytes()
            for key in reader.get_variable_to_shape_map()
            if not key.startswith(("_CHECKPOINTABLE", "save_counter"))}


@pytest.fixture(scope="session")
def digits():
    """The sample's first 60 training digits: uint8 [60, 28, 28] and labels."""
    images, labels = mnist_input.read_idx_split(mnist_input.SAMPLE, "train")
    return images[:60, ..., 0], labels[:60]


@pytest.fixture
def mnist_dir(tmp_path, digits):
    """A folder with 60 training and 20 test digits in IDX files."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    images, labels = digits
    write_mnist(folder, images, labels)
    write_mnist(folder, images[:20], labels[:20], "test")
    return folder


@pytest.fixture(scope="session")
def digits_zip(tmp_path_factory, digits):
    """A zip file of digits as PNGs, named by tables: 40 with labels, then 20 without."""
    images, labels = digits
    path = tmp_path_factory.mktemp("digits") / "digits.zip"
    rows = [f"{number}.png,{label}" for number, label in enumerate(labels[:40])]
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("data/train.csv", "\n".join(["filename,label", *rows]))
        packed.writestr("data/test.csv", "\n".join(
            ["filename", *(f"{number}.png" for number in range(40, 60))]))
        for number, image in enumerate(images):
            folder = "train" if number < 40 else "test"
            packed.writestr(f"data/{folder}/{number}.png", png(image, ["RGBA", "L"][number % 2]))
    return path


@pytest.fixture(scope="session")
def golden_dir():
    """The reference's checkpoints and numbers, where CAPSULES_GOLDEN_DIR names them."""
    return _folder_of("CAPSULES_GOLDEN_DIR")


@pytest.fixture(scope="session")
def whole_mnist_dir():
    """MNIST's four files, whole, where CAPSULES_MNIST_DIR names them."""
    return _folder_of("CAPSULES_MNIST_DIR")


def _folder_of(variable):
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"{variable} is not set")
    return folder
