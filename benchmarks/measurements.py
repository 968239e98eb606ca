"""The measurements: contests and what their timings say, row by row."""

import functools

from benchmarks import contest, floors, startup
from benchmarks.contest import quartiles
from benchmarks.findings import STANDARD_BATCH, Findings
from benchmarks.networks import HPARAMS, INFOS
from benchmarks.targets import Row

EVALUATION_BATCH = 100
PLAIN_CIFAR10_BATCH = 32    # what fits beside its votes
INPUT_BLOCK = 3             # steps in a turn: one more than the pipeline prepares ahead
TRAINING_ROWS = ("training", "bfloat16", "direct_floor", "own_floor", "memory")


def measurements(settings):
    """Returns a list of (names of rows, network or "", function that returns the Findings)."""
    found = []
    for network in settings.networks:
        found += [(TRAINING_ROWS, network, functools.partial(training, settings, network)),
                  (("evaluation",), network, functools.partial(evaluation, settings, network)),
                  (("batches",), network, functools.partial(batches, settings, network))]
    others = {("cifar10_memory", "cifar10_speed"): cifar10, ("records",): records,
              ("startup",): first_step, ("input",): input_pipeline}
    return found + [(rows, "", functools.partial(function, settings))
                    for rows, function in others.items()]


def training(settings, network):
    """Training, with the products that say what the machine can do, in the same minutes."""
    batch, base = settings.batch_size, {"network": network, "batch_size": settings.batch_size}
    names = {
        f"{network} training, plain, batch {batch}": ({"implementation": "plain", **base}, "train"),
        f"{network} training, float32, batch {batch}":
            ({"implementation": "ours", **base}, "train"),
        f"{network} training, bfloat16, batch {batch}":
            ({"implementation": "ours", **base, "precision": "bfloat16"}, "train"),
        "product, float32": ({"implementation": "product"}, "multiply"),
        "product, bfloat16": ({"implementation": "product", "precision": "bfloat16"}, "multiply"),
    }
    timings, gpu = contest.hold(names, settings.steps, settings.threads)
    plain, ours, half, product, half_product = timings.values()
    parts = floors.transformed(HPARAMS[network], INFOS[network], batch)
    direct = floors.direct_convolutions(HPARAMS[network], INFOS[network], batch)
    own = parts["second convolution"]
    as_asked = network == "mnist" and batch == STANDARD_BATCH
    row = functools.partial(Row, network=network, is_asked=as_asked)
    return Findings(
        rows=[
            row("training", **_faster(ours, plain)),
            row("bfloat16", **_faster(half, plain)),
            row("direct_floor", **_over_floor(ours, product, direct)),
            row("own_floor", **_over_floor(ours, product, own, sum(parts.values()))),
            row("memory", value=ours.memory / plain.memory,
                note=f"{ours.memory / 1e9:.2f} GB against {plain.memory / 1e9:.2f} GB"),
        ],
        timings=timings, peaks={"float32": product.rate, "bfloat16": half_product.rate},
        floors={network: {"direct convolutions": direct, **parts}}, gpu=gpu)


def evaluation(settings, network):
    """Evaluation, the kernels transformed once before."""
    base = {"network": network, "batch_size": EVALUATION_BATCH}
    timings, gpu = contest.hold({
        f"{network} evaluation, {name}, batch {EVALUATION_BATCH}":
            ({"implementation": name, **base}, "evaluate") for name in ("plain", "ours")
    }, settings.steps, settings.threads)
    plain, ours = timings.values()
    return Findings([Row("evaluation", network, **_faster(ours, plain),
                         is_asked=network == "mnist")], timings, gpu=gpu)


def cifar10(settings):
    """The large network: ours at batch 128, plain at the batch that fits."""
    timings, gpu = contest.hold({
        f"cifar10 training, {name}, batch {batch}":
            ({"implementation": name, "network": "cifar10", "batch_size": batch}, "train")
        for name, batch in (("plain", PLAIN_CIFAR10_BATCH), ("ours", STANDARD_BATCH))
    }, settings.steps, settings.threads)
    plain, ours = timings.values()
    return Findings([
        Row("cifar10_memory", "cifar10", value=ours.memory / 1e9,
            note=f"plain: {plain.memory / 1e9:.2f} GB at batch {PLAIN_CIFAR10_BATCH}"),
        Row("cifar10_speed", "cifar10", **_faster(ours, plain))], timings, gpu=gpu)


def records(settings):
    """The generators of pairs, one process each."""
    timings, gpu = contest.hold({
        f"MultiMNIST records, {name}": ({"implementation": name}, "records")
        for name in ("plain", "ours")}, settings.steps, settings.threads)
    plain, ours = timings.values()
    return Findings([Row("records", **_faster(ours, plain))], timings, gpu=gpu)


def first_step(settings):
    """The whole command line, from its start to its first step."""
    seconds = startup.measure(settings.threads)
    timing = contest.Timing(seconds, 1)
    low, high = quartiles(seconds)
    return Findings([Row("startup", "mnist", timing.median, low, high,
                         f"median of {len(seconds)} starts of experiment.py")],
                    {"start to first step": timing})


def input_pipeline(settings):
    """Training on the sample of MNIST, against one batch again and again."""
    base = {"implementation": "ours", "batch_size": settings.batch_size}
    timings, gpu = contest.hold({
        f"training, {name}, batch {settings.batch_size}":
            ({**base, "real_batches": real}, "train")
        for name, real in (("one batch repeated", False), ("input pipeline", True))
    }, settings.steps, settings.threads, block=INPUT_BLOCK)
    repeated, real = timings.values()
    low, high = (100 * (value / repeated.median - 1) for value in quartiles(real.seconds))
    return Findings([Row(
        "input", "mnist", 100 * (real.median / repeated.median - 1), low, high,
        f"{real.median:.3g} s against {repeated.median:.3g} s",
        is_asked=settings.batch_size == STANDARD_BATCH)], timings, gpu=gpu)


def batches(settings, network):
    """Training at several sizes of the batch."""
    sizes = sorted(settings.batch_sizes)
    names = {size: f"{network} training, float32, batch {size}, in turns of batches"
             for size in sizes}
    timings, gpu = contest.hold(
        {names[size]: ({"implementation": "ours", "network": network, "batch_size": size}, "train")
         for size in sizes}, settings.steps, settings.threads)
    first = timings[names[sizes[0]]]
    growth = {size: first.rate / timings[names[size]].rate for size in sizes[1:]}
    note = ", ".join(f"{size}: {timings[names[size]].median:.3g} s" for size in sizes)
    return Findings([Row("batches", network, max(growth.values(), default=1.0),
                         note=note, is_asked=network == "mnist")], timings, gpu=gpu)


def _faster(ours, plain):
    """Returns what a Row says of two Timings: how many times as many items a second."""
    scale = ours.items / plain.items
    low, high = quartiles([scale * slow / fast
                           for slow, fast in zip(plain.seconds, ours.seconds)])
    note = f"{ours.median:.3g} s against {plain.median:.3g} s a step"
    if scale != 1:
        note += f", {ours.rate:.3g} against {plain.rate:.3g} items a second"
    return {"value": ours.rate / plain.rate, "low": low, "high": high, "note": note}


def _over_floor(ours, product, operations, whole=None):
    """Returns what a Row says of a Timing over operations at the product's rate.

    Args:
      ours, product: Timings.
      operations: float, what the floor counts.
      whole: float, operations of the whole step, for the note; or None.
    """
    floor = operations / product.rate
    low, high = quartiles([mine / (operations * seconds / product.items)
                           for mine, seconds in zip(ours.seconds, product.seconds)])
    note = f"{ours.median:.3g} s over {floor:.3g} s, {operations / 1e9:.1f} GFLOP"
    if whole:
        note += (f"; {ours.median / (whole / product.rate):.3g}x of the whole step's "
                 f"{whole / 1e9:.1f} GFLOP")
    return {"value": ours.median / floor, "low": low, "high": high, "note": note}
