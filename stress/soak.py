"""Kills trainings again and again, restarts them, and compares the bytes they end with.

    python -m stress.soak
    python -m stress.soak --kills=6 --trainings=capsule

Each training runs once undisturbed, as a process of its own, and once killed --kills times (SIGKILL
to its process group): while it starts, at random moments of its steps, and inside saves. Both must
end with the same bytes of variables, Adam's slots and step, and the same rows of history.csv.
docs/reliability.md says more. The report is printed and left in --output. Linux only.
"""

import dataclasses
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from absl import flags

from benchmarks import machine, report
from benchmarks.contest import ROOT
from commands import command_line
from commands.errors import UsageError
from stress import lives
from training.monitoring.clock import WALL_TIME
from training.monitoring.history import read_history

FAILED = 1
SAVE_STEP = 2
SPARE = 12      # steps at the end of a training without kills, so that every kill hits
SAMPLE = 200            # digits of the baseline's data
CROP = slice(6, 22)     # their rows and columns, for a small baseline
SMALL = "--hparams_override=num_prime_capsules=1,routing=2"
PAIRS = f"{ROOT}/testdata/multimnist/multitrain_4shifted_mnist.tfrecords@3"
# The networks' flags; {} stands for the folder with the baseline's data.
TRAININGS = {
    "capsule": [SMALL],
    "baseline": ["--model=baseline", "--data_dir={}"],
    "multimnist": [SMALL, "--num_targets=2", f"--data_dir={PAIRS}"],
    "cifar10": [SMALL, "--dataset=cifar10", f"--data_dir={ROOT}/testdata/cifar10"],
}

FLAGS = command_line.new_flags()
flags.DEFINE_integer("kills", 50, "Kills of each training.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("trainings", list(TRAININGS), f"Which: of {', '.join(TRAININGS)}.",
                  flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Decides the moments.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/soak", "Folder of the report; an earlier one is replaced.",
                    flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Moment:
    """When to kill: so far into the start, into a step, or into a save at or after a step."""

    phase: str          # "start", "step" or "save"
    step: int
    fraction: float     # of the phase's usual time, up to 1.2 to hit its end, too


@dataclasses.dataclass
class Outcome:
    """The result of a training."""

    name: str
    steps: int
    kills: int = 0
    starting: int = 0       # kills before the first step of a process
    saving: int = 0         # kills inside a save
    seconds: float = 0.0
    difference: str = ""    # from the undisturbed training, if any


def draw_moments(kills, max_steps, rng):
    """Returns Moments in the order of their steps: a tenth in starts, half of them in saves."""
    phases = rng.choices(["start", "step", "save"], [1, 4, 5], k=kills)
    steps = sorted(rng.randint(1, max_steps - SPARE) for _ in range(kills))
    return [Moment(phase, step, rng.uniform(0, 1.2)) for phase, step in zip(phases, steps)]


def soak(name, kills, seed, folder):
    """Kills and restarts a training, a key of TRAININGS, in a folder; returns the Outcome."""
    begun = time.monotonic()
    outcome = Outcome(name, steps=2 * (SPARE + kills))
    whole, killed, data, log = (
        os.path.join(folder, part) for part in ("whole", "killed", "data", "log.txt"))
    _make_data(data)
    common = [*(flag.format(data) for flag in TRAININGS[name]), "--batch_size=4",
              f"--max_steps={outcome.steps}", f"--save_step={SAVE_STEP}",
              "--keep_checkpoints=3", f"--seed={seed}"]
    with open(os.path.join(folder, "whole.txt"), "w") as file:
        subprocess.run([sys.executable, "experiment.py", *common, f"--summary_dir={whole}"],
                       cwd=ROOT, stdout=file, stderr=file, check=True)
    arguments = [*common, f"--summary_dir={killed}"]
    usual = {"start": 2.0, "step": 0.01, "save": 0.05}
    for moment in draw_moments(kills, outcome.steps, random.Random(f"{seed} {name}")):
        counters = _kill_at(lives.begin(arguments, log), moment, usual)
        outcome.kills += 1
        outcome.starting += counters.start_seconds == 0
        outcome.saving += counters.saving
    status = lives.run(arguments, log)
    outcome.difference = (f"exit status {status}" if status else
                          _difference(f"{whole}/train", f"{killed}/train", outcome.steps))
    outcome.seconds = time.monotonic() - begun
    return outcome


def _make_data(folder):
    """Writes MNIST's training files with the middles of the sample's first digits."""
    from input_data.formats import idx
    from input_data.mnist import mnist_input

    os.mkdir(folder)
    images, labels = mnist_input.read_idx_split(mnist_input.SAMPLE, "train")
    arrays = images[:SAMPLE, CROP, CROP, 0], labels[:SAMPLE].astype("uint8")
    for name, array in zip(idx.NAMES["train"], arrays):
        header = bytes([0, 0, idx.UINT8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(header + array.tobytes())


def _kill_at(life, moment, usual):
    """Kills a training at a Moment; returns its Counters and updates the usual times."""
    reached = {"start": lambda counters: True,
               "step": lambda counters: counters.step >= moment.step,
               "save": lambda counters: counters.saving and counters.saving_step >= moment.step}
    life.wait_until(reached[moment.phase])
    until = time.monotonic() + moment.fraction * usual[moment.phase]
    # A phase can be much shorter than the last time.
    latest = life.counters.steps_ended + SAVE_STEP
    life.wait_until(lambda counters: time.monotonic() >= until or counters.steps_ended > latest)
    life.kill()
    for phase in usual:
        usual[phase] = getattr(life.counters, f"{phase}_seconds") or usual[phase]
    return life.counters


def _difference(whole, killed, step):
    """Returns the first difference between the ends of two trainings, in words, or ""."""
    expected, found = (tensors(f"{folder}/model.ckpt-{step}") for folder in (whole, killed))
    if expected.keys() != found.keys():
        return f"other variables: {sorted(expected.keys() ^ found.keys())}"
    if other := [key for key, value in expected.items() if value != found[key]]:
        return ", ".join(other)
    # Of the rows, all but the wall time, which always differs.
    expected, found = ([tuple(value for name, value in row.items() if name not in WALL_TIME)
                        for row in read_history(folder)] for folder in (whole, killed))
    steps = [row[0] for row in found]
    if len(steps) != len(set(steps)) or steps[-1] != step:
        return f"history.csv: steps {steps}"
    return "" if set(expected) <= set(found) else f"history.csv: {set(expected) - set(found)}"


def tensors(name):
    """Returns {key: (dtype, shape, bytes)} of a checkpoint's variables, slots and step."""
    import numpy as np
    import tensorflow as tf

    reader = tf.train.load_checkpoint(name)
    arrays = {key: np.asarray(reader.get_tensor(key))
              for key in reader.get_variable_to_shape_map()
              if not key.startswith(("_CHECKPOINTABLE", "save_counter"))}
    return {key: (array.dtype, array.shape, array.tobytes()) for key, array in arrays.items()}


def soak_all(settings, invocation):
    """Soaks trainings, prints and writes the report; returns an exit status, None for 0."""
    lives.load()
    work = tempfile.mkdtemp(prefix="work-", dir=settings.output)
    outcomes = []
    for name in dict.fromkeys(settings.trainings):
        print(f"Soaking: {name}", file=sys.stderr)
        folder = os.path.join(work, name)
        os.mkdir(folder)
        outcomes.append(soak(name, settings.kills, settings.seed, folder))
    facts = machine.facts()
    print(report.write(settings.output, "trainings that are killed and started again", [
        report.machine(facts, invocation),
        report.table(["training", ">steps", ">kills", ">at a start", ">inside a save", ">seconds",
                      "same bytes"], [_cells(outcome) for outcome in outcomes])],
                       {"command": invocation, "machine": facts,
                        "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes]}))
    if any(outcome.difference for outcome in outcomes):
        print(f"The files are left in {work}.", file=sys.stderr)
        return FAILED
    shutil.rmtree(work)
    return None


def _cells(outcome):
    return [outcome.name, str(outcome.steps), str(outcome.kills), str(outcome.starting),
            str(outcome.saving), f"{outcome.seconds:.0f}", outcome.difference or "yes"]


def _settings(values):
    for name in values.trainings:
        if name not in TRAININGS:
            raise UsageError(f"--trainings: expected {', '.join(TRAININGS)}, found {name!r}.")
    report.check_folder(values.output)
    return values


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("stress.soak", argv)
    return command_line.run(argv, FLAGS, _settings, lambda settings: soak_all(settings, line),
                            __doc__, tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
