"""Measures the parts of a training step one by one, with their floors.

    python -m benchmarks.parts
    python -m benchmarks.parts --network=cifar10 --steps=5

Each part runs alone, forward and with all gradients that training needs, in turns with the whole
step and with a product of large matrices for the peak rate of the machine. A floor is the part's
operations at that rate. The parts' times do not quite add up to the step's, in which some of them
run side by side. --output gets the report and its picture, parts.png.
"""

import os
import statistics
import sys
import time

from absl import flags

from benchmarks import machine, report
from benchmarks.contest import WARM_UP, quartiles
from benchmarks.networks import HPARAMS, INFOS
from commands import command_line
from commands.whole_files import whole_file

FLAGS = command_line.new_flags()
flags.DEFINE_enum("network", "mnist", sorted(INFOS), "The network.", flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 128, "Images in a batch.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_enum("precision", "float32", ["float32", "bfloat16"],
                  "Precision of the convolutions' products.", flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of each that count.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("threads", 0, "TensorFlow's threads; 0 leaves them to TensorFlow.",
                     lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/parts", "Folder of the report; an earlier one is replaced.",
                    flag_values=FLAGS)


def parts(contestant):
    """Returns a dict from a part of a Contestant to (function that does it, operations or None)."""
    import tensorflow as tf

    from benchmarks import contestants, floors
    from models.inferred import Inferred
    from training.optimizer import make_optimizer
    from training.step import loss_and_metrics

    network = contestants.make_network(contestant)
    info, batch = INFOS[contestant.network], contestant.batch_size
    data = contestants.random_batch(info, batch)
    needed = floors.operations(network.hparams, info, batch)

    def outputs(layer, inputs):
        return tf.random.uniform(layer(inputs).shape, dtype=layer.compute_dtype)

    convolution, primary_capsules = network.encoder
    features = outputs(convolution, data["images"])
    primary = outputs(primary_capsules, features)
    capsules = tf.random.uniform([batch, info.num_classes, network.class_capsules.atoms])

    def decode(capsules):
        reconstructions = network.decoder and network.decoder(capsules, targets=data["targets"])
        logits = tf.norm(capsules, axis=-1)
        return loss_and_metrics(network.hparams, data,
                                Inferred(logits, capsules, reconstructions)).total_loss

    found = {
        "first convolution": _forward_and_back(convolution, data["images"], convolution,
                                               inputs_gradient=False),
        "second convolution": _forward_and_back(primary_capsules, features, primary_capsules),
        "routing": _forward_and_back(network.class_capsules, primary, network.class_capsules),
        "decoder": _forward_and_back(decode, capsules, network.decoder),
        "optimizer": _update(network, make_optimizer(network)),
    }
    found = {name: (part, needed.get(name)) for name, part in found.items()}
    found["whole step"] = contestants.make_step(contestant, "train")[0], sum(needed.values())
    return found


def _forward_and_back(function, inputs, layer, inputs_gradient=True):
    """Returns a function that computes a part and its gradients, and waits for them."""
    import tensorflow as tf

    variables = layer.trainable_variables if layer is not None else []

    @tf.function
    def step(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        sources = [inputs, *variables] if inputs_gradient else variables
        return [tf.reshape(gradient, [-1])[0] for gradient in tape.gradient(outputs, sources)]

    return lambda: [float(value) for value in step(inputs)]


def _update(network, optimizer):
    import tensorflow as tf

    gradients = [tf.ones_like(variable) for variable in network.trainable_variables]

    @tf.function
    def step():
        optimizer.apply(gradients, network.trainable_variables)

    return lambda: (step(), float(tf.reshape(network.trainable_variables[-1], [-1])[0]))


def measure(contestant, steps):
    """Returns the peak rate and a dict from a part to (list of seconds, floor or None)."""
    from benchmarks import contestants

    product, operations = contestants.make_step(
        contestants.Contestant("product", precision=contestant.precision), "multiply")
    found = {"product": (product, operations), **parts(contestant)}
    seconds = {name: [] for name in found}
    for number in range(WARM_UP + steps):
        for name, (do, _) in found.items():
            start = time.perf_counter()
            do()
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    peak = operations / statistics.median(seconds.pop("product"))
    return peak, {name: (values, found[name][1] and found[name][1] / peak)
                  for name, values in seconds.items()}


def _sections(facts, invocation, peak, found):
    """Returns the report's parts as Markdown."""
    rows = []
    for name, (seconds, floor) in found.items():
        low, high = quartiles(seconds)
        median = statistics.median(seconds)
        over = [f"{floor * 1e3:.0f}", f"{median / floor:.1f}"] if floor else ["-", "-"]
        rows.append([name, f"{median * 1e3:.0f}", f"{low * 1e3:.0f} to {high * 1e3:.0f}", *over])
    return [
        report.machine(facts, invocation),
        f"Peak, by a product of large matrices: {peak / 1e9:.0f} GFLOP/s.",
        report.table(["part", ">ms", ">quartiles", ">floor, ms", ">times its floor"], rows)]


def draw(path, found, title):
    """Draws each part's median time and floor as bars, into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), dpi=100, layout="constrained")
    axes = figure.subplots()
    names = list(found)[::-1]
    times, floors = zip(*((1e3 * statistics.median(found[name][0]), 1e3 * (found[name][1] or 0))
                          for name in names))
    axes.barh(names, times, color="#56b4e9", label="measured")
    axes.barh(names, floors, color="#0072b2", height=0.4, label="its operations at the peak rate")
    for name, milliseconds in zip(names, times):
        axes.text(milliseconds, name, f" {milliseconds:.0f}", va="center")
    axes.set(title=title, xlabel="milliseconds")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.08)
    axes.legend(loc="center right")
    with whole_file(path, replace=True) as aside:
        figure.savefig(aside, format="png")


def _bench(values, invocation):
    from benchmarks.contestants import Contestant

    peak, found = measure(Contestant("ours", values.network, values.batch_size,
                                     precision=values.precision), values.steps)
    facts = machine.facts(values.threads)
    title = (f"parts of a training step, {values.network}, {values.precision}, "
             f"batch {values.batch_size}")
    print(report.write(
        values.output, title, _sections(facts, invocation, peak, found),
        {"command": invocation, "machine": facts, "peak": peak,
         "hparams": HPARAMS[values.network].to_json(),
         "parts": {name: {"seconds": seconds, "floor": floor}
                   for name, (seconds, floor) in found.items()}}))
    draw(os.path.join(values.output, "parts.png"), found, title)


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("benchmarks.parts", argv)
    return command_line.run(argv, FLAGS, report.prepare, lambda values: _bench(values, line),
                            __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
