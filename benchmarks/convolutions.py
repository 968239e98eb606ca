"""Measures direct and spectral convolutions, and how well their costs are estimated.

    python -m benchmarks.convolutions
    python -m benchmarks.convolutions --batch=128 --steps=3

For each shape: the time of the spectral convolution and its two gradients over the direct one's,
what `capsules.convolution.cost` estimates, and whether the algorithm it chooses is the faster one,
or at most 10 % slower. The last table has constants that fit the measured times.
"""

import dataclasses
import statistics
import sys
import time

from absl import flags

from benchmarks import machine, report
from benchmarks.contest import WARM_UP
from commands import command_line

TOLERANCE = 1.1     # a choice that is slower by no more than this is right too

FLAGS = command_line.new_flags()
flags.DEFINE_integer("batch", 32, "Images in a batch; the cost model itself assumes 128.",
                     lower_bound=1, flag_values=FLAGS)
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
    (8, 3, 1, 64, 64, "same"), (16, 3, 1, 128, 128, "same"), (32, 3, 1, 64, 64, "same"),
    (64, 3, 1, 16, 16, "same"), (32, 3, 2, 64, 128, "valid"),
    (8, 5, 1, 256, 256, "valid"), (14, 5, 1, 64, 64, "same"), (24, 5, 1, 512, 64, "valid"),
    (32, 5, 2, 64, 64, "same"), (64, 5, 2, 8, 32, "same"),
    (16, 7, 1, 64, 64, "same"), (28, 7, 2, 128, 128, "valid"), (32, 7, 3, 64, 64, "valid"),
    (64, 7, 2, 3, 64, "same"),
    (12, 9, 1, 32, 32, "same"), (32, 9, 3, 128, 128, "same"), (48, 9, 2, 16, 64, "valid"),
    (16, 11, 1, 64, 64, "valid"), (32, 11, 2, 64, 64, "same"), (64, 11, 3, 16, 32, "valid"),
]


@dataclasses.dataclass(frozen=True)
class Measured:
    """One shape's times in seconds and estimated costs, with both gradients.

    Attributes:
      shape: (image size, kernel shape, strides, padding).
      direct, spectral: float, medians measured.
      direct_terms: float, operations of the direct convolution.
      spectral_terms: convolution_cost.Terms of the spectral one.
      estimate: float, the estimated cost of the spectral one over the direct one's.
    """

    shape: tuple
    direct: float
    spectral: float
    direct_terms: float
    spectral_terms: tuple
    estimate: float

    @property
    def ratio(self):
        """float, spectral over direct."""
        return self.spectral / self.direct

    @property
    def choice(self):
        """str, what `--convolution=auto` takes on a CPU."""
        return "spectral" if self.estimate < 1 else "direct"

    @property
    def is_right(self):
        slower = self.ratio if self.choice == "spectral" else 1 / self.ratio
        return slower <= TOLERANCE


def measure(size, kernel, strides, channels, filters, padding, batch, steps):
    """Returns the Measured of a shape, both algorithms in turns.

    Args:
      size, kernel: int, height and width of the images and of the kernel.
      strides, channels, filters, padding: of the convolution.
      batch: int, images.
      steps: int, steps that count.
    """
    import tensorflow as tf

    from capsules.convolution import cost
    from capsules.convolution.spectral import Spectral

    shape = ((size, size), (kernel, kernel, channels, filters), strides, padding)
    tiles = cost.best_tiles(*shape)         # as `auto` takes them, whatever the batch
    plan = Spectral(shape[0], shape[1][:2], strides, padding, tiles)
    images = tf.random.normal([batch, size, size, channels])
    weights = tf.random.normal(shape[1])
    gradient = tf.random.normal([batch, *plan.output_size, filters])

    def timed(convolve):
        @tf.function
        def step(images, weights):
            with tf.GradientTape() as tape:
                tape.watch([images, weights])
                outputs = convolve(images, weights)
            gradients = tape.gradient(outputs, [images, weights], gradient)
            return sum(tensor[0, 0, 0, 0] for tensor in (outputs, *gradients))

        def seconds():
            start = time.perf_counter()
            float(step(images, weights))
            return time.perf_counter() - start

        return seconds

    contestants = [timed(lambda x, w: tf.nn.conv2d(x, w, strides, padding.upper())),
                   timed(plan.convolve)]
    rounds = [[seconds() for seconds in contestants] for _ in range(WARM_UP + steps)]
    direct, spectral = (statistics.median(column) for column in zip(*rounds[WARM_UP:]))
    return Measured(
        shape, direct, spectral, 3 * cost.direct_operations(*shape, batch),
        cost.spectral_terms(*shape, tiles, batch),
        cost.spectral(*shape) / cost.direct(*shape))


def fitted_rates(terms, seconds):
    """Returns the rate for each term whose sum of times comes nearest, relative to each time.

    Args:
      terms: float [n, number of terms], operations or bytes.
      seconds: float [n].

    Returns:
      list of float, a second; None for a term that the fit leaves out.
    """
    import numpy as np
    from scipy.optimize import nnls

    relative = np.asarray(terms, float) / np.asarray(seconds)[:, np.newaxis]
    scale = relative.max(axis=0)
    found, _ = nnls(relative / scale, np.ones(len(relative)))
    return [float(unit / value) if value else None for value, unit in zip(found, scale)]


def suggestions(found):
    """Returns a dict from a constant of convolution_cost to (its value, the fitted one)."""
    from capsules.convolution import cost

    direct = fitted_rates([[one.direct_terms] for one in found], [one.direct for one in found])
    spectral = fitted_rates([one.spectral_terms for one in found],
                            [one.spectral for one in found])
    names = ("DIRECT_RATE", "PRODUCT_RATE", "TRANSFORM_RATE", "KERNEL_TRANSFORM_RATE",
             "TRAFFIC_RATE")
    return {name: (getattr(cost, name), rate)
            for name, rate in zip(names, direct + spectral)}


def sections(facts, invocation, batch, found, rates):
    """Returns the report's parts as Markdown.

    Args:
      facts: dict from a word to text.
      invocation: list of str.
      batch: int.
      found: list of Measured.
      rates: dict, as `suggestions` returns it.
    """
    right = sum(one.is_right for one in found)
    return [
        report.machine(facts, invocation),
        f"Batch {batch}. Auto's choice is right for {right} of {len(found)} shapes.",
        report.table(["image", "kernel", "strides", "padding", ">direct, s", ">spectral, s",
                      ">measured ratio", ">estimated", "auto", "right"], [_cells(one)
                                                                          for one in found]),
        "## Constants that fit these times",
        "Least squares of relative errors; a dash leaves a term out.",
        report.table(["capsules.convolution.cost", ">now", ">fitted"], [
            [name, f"{now:.3g}", "-" if rate is None else f"{rate:.3g}"]
            for name, (now, rate) in rates.items()])]


def _cells(one):
    (height, width), kernel, strides, padding = one.shape
    return [f"{height}x{width}", "x".join(map(str, kernel)), str(strides), padding,
            f"{one.direct:.4f}", f"{one.spectral:.4f}", f"{one.ratio:.2f}",
            f"{one.estimate:.2f}", one.choice, "yes" if one.is_right else "no"]


def _bench(values, invocation):
    from tqdm import tqdm

    found = [measure(*shape, values.batch, values.steps)
             for shape in tqdm(SHAPES, desc="Measuring", unit=" shapes")]
    rates = suggestions(found)
    facts = machine.facts(values.threads)
    print(report.write(
        values.output, "direct and spectral convolutions",
        sections(facts, invocation, values.batch, found, rates),
        {"command": invocation, "machine": facts, "batch": values.batch,
         "steps": values.steps,
         "shapes": [{**dataclasses.asdict(one), "ratio": one.ratio, "choice": one.choice,
                     "right": one.is_right} for one in found],
         "constants": {name: {"now": now, "fitted": rate}
                       for name, (now, rate) in rates.items()}}))


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("benchmarks.convolutions", argv)
    return command_line.run(argv, FLAGS, report.prepare, lambda values: _bench(values, line),
                            __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
