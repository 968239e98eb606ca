"""The measurements: contests and their rows in the report."""

import functools

from benchmarks import contest
from benchmarks.contest import quartiles
from benchmarks.findings import STANDARD_BATCH, Findings, Row

EVALUATION_BATCH = 100
PAIRS_BATCH = 64
PLAIN_CIFAR10_BATCH = 32    # as many as fit into memory with its votes
INPUT_BLOCK = 3             # steps in a turn: one more than the pipeline prepares ahead
TRAINING_ROWS = ("training", "bfloat16", "memory")


def measurements(settings):
    """Returns a list of (names of rows, network or "", function that returns the Findings)."""
    found = [(rows, network, functools.partial(function, settings, network))
             for network in settings.networks
             for rows, function in ((TRAINING_ROWS, training), (("evaluation",), evaluation))]
    others = {("routing",): routing, ("multimnist",): multimnist,
              ("cifar10_memory", "cifar10_speed"): cifar10, ("records",): records,
              ("startup",): first_step, ("input",): input_pipeline}
    return found + [(rows, "", functools.partial(function, settings))
                    for rows, function in others.items()]


def training(settings, network):
    """Training, in both precisions."""
    batch, base = settings.batch_size, {"network": network, "batch_size": settings.batch_size}
    ours = {"implementation": "ours", **base}
    timings, gpu = contest.hold({
        f"{network} training, plain, batch {batch}": ({"implementation": "plain", **base}, "train"),
        f"{network} training, float32, batch {batch}": (ours, "train"),
        f"{network} training, bfloat16, batch {batch}":
            ({**ours, "precision": "bfloat16"}, "train")}, settings.steps)
    plain, ours, half = timings.values()
    return Findings([
        Row("training", network, **_faster(ours, plain)),
        Row("bfloat16", network, **_faster(half, plain)),
        Row("memory", network, ours.memory / plain.memory,
            note=f"{ours.memory / 1e9:.2f} GB against {plain.memory / 1e9:.2f} GB")],
        timings, gpu=gpu)


def evaluation(settings, network):
    """Evaluation, with the kernels transformed once before."""
    plain, ours, timings, gpu = _against_plain(
        settings, f"{network} evaluation, {{}}, batch {EVALUATION_BATCH}", "evaluate",
        network=network, batch_size=EVALUATION_BATCH)
    return Findings([Row("evaluation", network, **_faster(ours, plain))], timings, gpu=gpu)


def routing(settings):
    """Routing alone, fused, by products, and of votes that einsum builds."""
    timings, gpu = contest.hold({
        f"routing, {name}, batch {STANDARD_BATCH}": ({"implementation": "ours", "routing": name,
                                                      "batch_size": STANDARD_BATCH}, "route")
        for name in ("fused", "products", "einsum")}, settings.steps)
    fused, products, einsum = timings.values()
    values = _faster(fused, products)
    note = f"{values['note']}; votes by einsum: {einsum.median:.3g} s"
    return Findings([Row("routing", **{**values, "note": note})], timings, gpu=gpu)


def multimnist(settings):
    """Training on pairs, with both implementations of routing."""
    base = {"implementation": "ours", "network": "multimnist", "batch_size": PAIRS_BATCH,
            "precision": "bfloat16"}
    timings, gpu = contest.hold({
        f"multimnist training, bfloat16, {name}, batch {PAIRS_BATCH}":
            ({**base, "routing": name}, "train") for name in ("fused", "products")}, settings.steps)
    return Findings([Row("multimnist", "multimnist", **_faster(*timings.values()))], timings,
                    gpu=gpu)


def cifar10(settings):
    """The large network: ours at batch 128, plain at a batch that fits into memory."""
    timings, gpu = contest.hold({
        f"cifar10 training, {name}, batch {batch}":
            ({"implementation": name, "network": "cifar10", "batch_size": batch}, "train")
        for name, batch in (("plain", PLAIN_CIFAR10_BATCH), ("ours", STANDARD_BATCH))
    }, settings.steps)
    plain, ours = timings.values()
    return Findings([
        Row("cifar10_memory", "cifar10", value=ours.memory / 1e9,
            note=f"plain: {plain.memory / 1e9:.2f} GB at batch {PLAIN_CIFAR10_BATCH}"),
        Row("cifar10_speed", "cifar10", **_faster(ours, plain))], timings, gpu=gpu)


def records(settings):
    """The generators of pairs, one process each."""
    plain, ours, timings, gpu = _against_plain(settings, "MultiMNIST records, {}", "records")
    return Findings([Row("records", **_faster(ours, plain))], timings, gpu=gpu)


def first_step(settings):
    """The whole command line, from its start to its first step."""
    timing = contest.Timing(contest.starts(), 1)
    return Findings([Row("startup", "mnist", timing.median, *quartiles(timing.seconds),
                         f"median of {len(timing.seconds)} starts of experiment.py")],
                    {"start to first step": timing})


def input_pipeline(settings):
    """Training on the sample of MNIST, against one batch again and again."""
    base = {"implementation": "ours", "batch_size": settings.batch_size}
    timings, gpu = contest.hold({
        f"training, {name}, batch {settings.batch_size}":
            ({**base, "real_batches": real}, "train")
        for name, real in (("one batch repeated", False), ("input pipeline", True))
    }, settings.steps, block=INPUT_BLOCK)
    repeated, real = timings.values()
    added, low, high = (100 * (seconds / repeated.median - 1)
                        for seconds in (real.median, *quartiles(real.seconds)))
    note = f"{real.median:.3g} s against {repeated.median:.3g} s"
    return Findings([Row("input", "mnist", added, low, high, note)], timings, gpu=gpu)


def _against_plain(settings, title, work, **contestant):
    """Returns the Timings of plain and ours, all timings by their titles, and the GPU's name."""
    timings, gpu = contest.hold({
        title.format(name): ({"implementation": name, **contestant}, work)
        for name in ("plain", "ours")}, settings.steps)
    return *timings.values(), timings, gpu


def _faster(ours, plain):
    """Returns a Row's values: how many times as many items a second one Timing has."""
    scale = ours.items / plain.items
    low, high = quartiles([scale * slow / fast
                           for slow, fast in zip(plain.seconds, ours.seconds)])
    note = f"{ours.median:.3g} s against {plain.median:.3g} s a step"
    if scale != 1:
        note += f", {ours.rate:.3g} against {plain.rate:.3g} items a second"
    return {"value": ours.rate / plain.rate, "low": low, "high": high, "note": note}
