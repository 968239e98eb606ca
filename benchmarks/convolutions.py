"""Measures direct and spectral convolutions side by side, and checks the choice of `auto`.

    python -m benchmarks.convolutions
    python -m benchmarks.convolutions --batch=128 --steps=3

For each shape: the time of the spectral convolution and its two gradients over that of the direct
one, and whether the algorithm that `auto` chooses is the faster one, or at most 10 % slower.
"""

import statistics
import sys
import time

from absl import flags

from benchmarks import machine, report
from benchmarks.contest import WARM_UP
from commands import command_line

TOLERANCE = 1.1     # a choice that is slower by no more than this is right too

FLAGS = command_line.new_flags()
flags.DEFINE_integer("batch", 32, "Images in a batch.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("steps", 5, "Steps of each that count.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("threads", 0, "TensorFlow's threads; 0 leaves them to TensorFlow.",
                     lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/convolutions", "Folder of the report; an earlier one is "
                    "replaced.", flag_values=FLAGS)

# size of the images, of the kernel, strides, channels, filters, padding
SHAPES = [
    # The networks' own: MNIST, MultiMNIST, CIFAR10.
    (28, 9, 1, 1, 256, "valid"), (20, 9, 2, 256, 256, "valid"), (36, 9, 1, 1, 256, "valid"),
    (28, 9, 2, 256, 256, "valid"), (24, 9, 1, 3, 256, "same"), (24, 9, 2, 256, 512, "same"),
    (20, 9, 2, 256, 64, "valid"), (20, 9, 2, 256, 16, "valid"),
    (8, 3, 1, 64, 64, "same"), (16, 3, 1, 128, 128, "same"), (32, 3, 1, 64, 64, "same"),
    (64, 3, 1, 16, 16, "same"), (32, 3, 2, 64, 128, "valid"),
    (8, 5, 1, 256, 256, "valid"), (14, 5, 1, 64, 64, "same"), (24, 5, 1, 512, 64, "valid"),
    (32, 5, 2, 64, 64, "same"), (64, 5, 2, 8, 32, "same"),
    (16, 7, 1, 64, 64, "same"), (28, 7, 2, 128, 128, "valid"), (32, 7, 3, 64, 64, "valid"),
    (64, 7, 2, 3, 64, "same"),
    (12, 9, 1, 32, 32, "same"), (32, 9, 3, 128, 128, "same"), (48, 9, 2, 16, 64, "valid"),
    (16, 11, 1, 64, 64, "valid"), (32, 11, 2, 64, 64, "same"), (64, 11, 3, 16, 32, "valid"),
]


def measure(size, kernel, strides, channels, filters, padding, batch, steps):
    """Measures a shape, both algorithms in turns.

    Args:
      size, kernel: int, height and width of the images and of the kernel.
      strides, channels, filters, padding: of the convolution.
      batch: int, images.
      steps: int, steps that count.

    Returns:
      dict with the shape, the median seconds of both, their ratio, auto's choice, and whether it
      is right.
    """
    import tensorflow as tf

    from capsules.convolution.algorithm import Convolution

    shape = ((size, size), (kernel, kernel, channels, filters), strides, padding)
    images = tf.random.normal([batch, size, size, channels])
    weights = tf.random.normal(shape[1])

    def timed(algorithm):
        convolution = Convolution(algorithm, *shape)
        gradient = tf.random.normal(convolution(images, weights).shape)

        @tf.function
        def step(images, weights):
            with tf.GradientTape() as tape:
                tape.watch([images, weights])
                outputs = convolution(images, weights)
            gradients = tape.gradient(outputs, [images, weights], gradient)
            return sum(tensor[0, 0, 0, 0] for tensor in (outputs, *gradients))

        def seconds():
            start = time.perf_counter()
            float(step(images, weights))
            return time.perf_counter() - start

        return seconds

    contestants = [timed("direct"), timed("spectral")]
    rounds = [[seconds() for seconds in contestants] for _ in range(WARM_UP + steps)]
    direct, spectral = (statistics.median(column) for column in zip(*rounds[WARM_UP:]))
    choice = Convolution("auto", *shape).algorithm
    slower = spectral / direct if choice == "spectral" else direct / spectral
    return {"shape": shape, "direct": direct, "spectral": spectral, "ratio": spectral / direct,
            "choice": choice, "right": slower <= TOLERANCE}


def sections(facts, invocation, batch, found):
    """Returns the report's parts as Markdown.

    Args:
      facts: dict from a word to text.
      invocation: list of str.
      batch: int.
      found: list of dicts from `measure`.
    """
    right = sum(one["right"] for one in found)
    return [
        report.machine(facts, invocation),
        f"Batch {batch}. Auto's choice is right for {right} of {len(found)} shapes.",
        report.table(["image", "kernel", "strides", "padding", ">direct, s", ">spectral, s",
                      ">ratio", "auto", "right"], [_cells(**one) for one in found])]


def _cells(shape, direct, spectral, ratio, choice, right):
    (height, width), kernel, strides, padding = shape
    return [f"{height}x{width}", "x".join(map(str, kernel)), str(strides), padding,
            f"{direct:.4f}", f"{spectral:.4f}", f"{ratio:.2f}", choice, "yes" if right else "no"]


def _bench(values, invocation):
    from tqdm import tqdm

    found = [measure(*shape, values.batch, values.steps)
             for shape in tqdm(SHAPES, desc="Measuring", unit=" shapes")]
    facts = machine.facts(values.threads)
    print(report.write(
        values.output, "direct and spectral convolutions",
        sections(facts, invocation, values.batch, found),
        {"command": invocation, "machine": facts, "batch": values.batch, "steps": values.steps,
         "shapes": found}))


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("benchmarks.convolutions", argv)
    return command_line.run(argv, FLAGS, report.prepare, lambda values: _bench(values, line),
                            __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
