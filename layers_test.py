"""Is my installation right? `python layers_test.py` checks it in under a minute.

Each check prints a line; the last line says what was found, and the exit status is 0 when
everything works, else 1. pytest runs the same checks.
"""

import configparser
import os
import pathlib
import platform
import re
import sys
import time

# TensorFlow, Keras and NumPy are imported in functions: where they are missing, a line shall
# say so, not a traceback.
from commands import quiet_tensorflow

HERE = pathlib.Path(__file__).parent
TOLERANCE = 1e-5


def test_versions_are_new_enough():
    import keras
    import tensorflow as tf

    config = configparser.ConfigParser()
    config.read(HERE / "setup.cfg")
    found = {"python": platform.python_version(), "tensorflow": tf.__version__,
             "keras": keras.__version__}
    required = {"python": config["options"]["python_requires"].removeprefix(">=")}
    for line in config["options"]["install_requires"].split("\n"):
        if line:
            name, version = line.split(">=")
            required[name.strip()] = version.strip()
    for name, version in required.items():
        _expect(_numbers(found[name]) >= _numbers(version),
                f"expected {name} {version} or newer, found {found[name]}")
    _expect(keras.backend.backend() == "tensorflow",
            f"expected Keras to run on tensorflow, found {keras.backend.backend()}: "
            "unset KERAS_BACKEND or set it to tensorflow")
    _say(f"versions are new enough: Python {found['python']}, "
         f"TensorFlow {found['tensorflow']}, Keras {found['keras']}")


def test_squash_agrees():
    from capsules import squash

    golden = _golden()
    _agrees("squash", [(squash(golden["squash/input"]), golden["squash/output"])])


def test_leaky_softmax_agrees():
    from capsules import leaky_softmax

    golden = _golden()
    _agrees("leaky softmax", [(leaky_softmax(golden["leaky_routing/logits"]),
                               golden["leaky_routing/output"])])


def test_routing_agrees():
    from capsules import DynamicRouting

    golden = _golden()
    _agrees("routing", [
        (DynamicRouting(iterations, leaky)(golden["routing/votes"], golden["routing/biases"]),
         golden[f"routing/output/iterations{iterations}_leaky{leaky:d}"])
        for iterations in (1, 2, 3, 5) for leaky in (False, True)])


def test_class_capsules_agree():
    from capsules import ClassCapsules, DynamicRouting

    golden = _golden()
    pairs = []
    for leaky in (False, True):
        layer = ClassCapsules(num_capsules=10, routing=DynamicRouting(3, leaky))
        layer.build(golden["capsule/input"].shape)
        layer.set_weights([golden["capsule/weights"], golden["capsule/biases"]])
        pairs.append((layer(golden["capsule/input"]), golden[f"capsule/output/leaky{leaky:d}"]))
    _agrees("class capsules layer", pairs)


def test_capsule_network_learns():
    import keras
    import numpy as np
    import tensorflow as tf

    from capsules import (
        ClassCapsules,
        Decoder,
        PrimaryCapsules,
        margin_loss,
        norm,
        reconstruction_loss,
    )

    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    images = random.uniform(size=[12, 14, 14, 1]).astype(np.float32)
    targets = random.integers(0, 3, size=[12, 1])
    labels = tf.one_hot(targets[:, 0], 3)
    encoder = keras.Sequential([keras.layers.Conv2D(8, 5, activation="relu"),
                                PrimaryCapsules(4, atoms=4, kernel_size=5),
                                ClassCapsules(3, atoms=6)])
    decoder = Decoder(image_shape=(14, 14, 1), units=(16, 32))
    encoder.build(images.shape)
    decoder.build((12, 3, 6))
    variables = encoder.trainable_variables + decoder.trainable_variables
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            capsules = encoder(images)
            reconstructions = decoder(capsules, targets)
            loss = (tf.reduce_mean(margin_loss(labels, norm(capsules)))
                    + tf.reduce_mean(reconstruction_loss(images[:, tf.newaxis], reconstructions)))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return loss, tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])

    losses, finite = zip(*[step() for _ in range(25)])
    first, last = float(losses[0]), float(losses[-1])
    _expect(all(finite), "a gradient is not finite")
    _expect(last < 0.8 * first, f"expected the loss to fall by a fifth, from {first:.4f}; "
            f"it is {last:.4f} after {len(losses)} steps")
    _say(f"a small capsule network learns: its loss falls from {first:.4f} to {last:.4f}")


def main():
    started = time.perf_counter()
    try:
        quiet_tensorflow.load()
        import keras
        import tensorflow as tf
    except Exception as error:     # A broken installation raises much more than ImportError.
        print(f"Installation does not work: TensorFlow or Keras cannot be imported ({error}).")
        return 1

    checks = {name: check for name, check in globals().items() if name.startswith("test_")}
    failed = []
    for name, check in checks.items():
        try:
            check()
        except Exception as error:
            failed.append(name.removeprefix("test_"))
            print(f"FAIL {failed[-1]}: {error}", flush=True)
    if failed:
        print(f"Installation does not work: {len(failed)} of {len(checks)} checks failed: "
              f"{', '.join(failed)}.")
        return 1
    gpus = len(tf.config.list_physical_devices("GPU"))
    print(f"Installation works: TensorFlow {tf.__version__}, Keras {keras.__version__}, "
          f"{_plural(os.cpu_count(), 'CPU core')}, {_plural(gpus, 'GPU')}; {len(checks)} checks "
          f"passed in {time.perf_counter() - started:.1f} s.")
    return 0


def _agrees(name, pairs):
    """Checks pairs (received, expected) and prints the largest relative distance."""
    import numpy as np

    largest = max(np.linalg.norm(received - expected) / np.linalg.norm(expected)
                  for received, expected in pairs)
    _expect(largest < TOLERANCE, f"expected the reference's numbers to {TOLERANCE:.0e}, "
            f"found a distance of {largest:.1e}")
    _say(f"{name} agrees with the reference's numbers ({largest:.1e})")


def _golden():
    """Returns the reference's inputs and outputs, {key: float32 array}."""
    import numpy as np

    with np.load(HERE / "testdata" / "layers.npz") as arrays:
        return dict(arrays)


def _expect(holds, message):
    """Like assert, but also with python -O."""
    if not holds:
        raise AssertionError(message)


def _say(words):
    print(f"ok   {words}", flush=True)


def _numbers(version):
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def _plural(number, noun):
    return f"{number or 'no'} {noun}{'' if number in (0, 1) else 's'}"


if __name__ == "__main__":
    sys.exit(main())
