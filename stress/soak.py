"""Kills trainings again and again, starts them again, and compares the bytes that they end with.

    python -m stress.soak
    python -m stress.soak --kills=6 --trainings=capsule

Each training runs once without being killed, as a process of its own, and once killed (SIGKILL, to
it and its group) --kills times: while it starts, at random moments of its steps, and inside saves.
The same are asked for in the end: the bytes of variables, Adam's slots and step, and the rows of
history.csv. docs/reliability.md says more. The report is printed and left in --output. Linux only.
"""

import csv
import dataclasses
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from absl import flags

from benchmarks import machine, report
from commands import command_line
from commands.errors import UsageError
from stress import lives, soak_trainings

FAILED = 1
SAVE_STEP = 2
SPARE = 12      # steps at the end of a training that no kill is aimed at, so that all are hit
KEEP = 3        # checkpoints

FLAGS = command_line.new_flags()
flags.DEFINE_integer("kills", 50, "Kills of each training.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("trainings", list(soak_trainings.NAMES),
                  f"Which: of {', '.join(soak_trainings.NAMES)}.", flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Decides the moments.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/soak", "Folder of the report; an earlier one is replaced.",
                    flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Moment:
    """When to kill: so far into the start, into a step, or into a save at or after a step."""

    phase: str          # "start", "step" or "save"
    step: int
    fraction: float     # of the phase's usual time; at most 1.2, so that its end is hit, too


@dataclasses.dataclass
class Outcome:
    """What became of a training."""

    name: str
    steps: int
    kills: int = 0
    starting: int = 0       # kills before the first step of a process
    saving: int = 0         # kills inside a save
    seconds: float = 0.0
    difference: str = ""    # what is not the same, or ""


def draw_moments(kills, max_steps, rng):
    """Returns the Moments of kills, in the order of their steps.

    One in ten is at a start, half of them are in saves.

    Args:
      kills: int.
      max_steps: int.
      rng: random.Random.
    """
    phases = rng.choices(["start", "step", "save"], [1, 4, 5], k=kills)
    steps = sorted(rng.randint(1, max_steps - SPARE) for _ in range(kills))
    return [Moment(phase, step, rng.uniform(0, 1.2)) for phase, step in zip(phases, steps)]


def soak(training, kills, seed, folder):
    """Kills a training and starts it again, and returns the Outcome.

    Args:
      training: soak_trainings.Training.
      kills: int.
      seed: int.
      folder: str, for its files.
    """
    begun = time.monotonic()
    outcome = Outcome(training.name, steps=2 * (SPARE + kills))
    log = os.path.join(folder, "log.txt")
    common = [*training.arguments, f"--max_steps={outcome.steps}", f"--save_step={SAVE_STEP}",
              f"--keep_checkpoints={KEEP}", f"--seed={seed}"]
    whole, killed = (os.path.join(folder, name) for name in ("whole", "killed"))
    with open(os.path.join(folder, "whole.txt"), "w") as file:
        subprocess.run([sys.executable, "experiment.py", *common, f"--summary_dir={whole}"],
                       cwd=soak_trainings.ROOT, stdout=file, stderr=file, check=True)
    arguments = [*common, f"--summary_dir={killed}"]
    usual = {"start": 2.0, "step": 0.01, "save": 0.05}
    for moment in draw_moments(kills, outcome.steps, random.Random(f"{seed} {training.name}")):
        counters = _kill_at(lives.begin(arguments, log), moment, usual)
        outcome.kills += 1
        outcome.starting += counters.start_seconds == 0
        outcome.saving += counters.saving
    status = lives.run(arguments, log)
    outcome.difference = (f"exit status {status}" if status else
                          _difference(f"{whole}/train", f"{killed}/train", outcome.steps))
    outcome.seconds = time.monotonic() - begun
    return outcome


def _kill_at(life, moment, usual):
    """Kills a training at a Moment; returns its Counters, and notes times for the next."""
    reached = {"start": lambda counters: True,
               "step": lambda counters: counters.step >= moment.step,
               "save": lambda counters: counters.saving and counters.saving_step >= moment.step}
    life.wait_until(reached[moment.phase])
    until = time.monotonic() + moment.fraction * usual[moment.phase]
    # What took long the last time may be over soon this time.
    latest = life.counters.steps_ended + SAVE_STEP
    life.wait_until(lambda counters: time.monotonic() >= until or counters.steps_ended > latest)
    life.kill()
    for phase in usual:
        usual[phase] = getattr(life.counters, f"{phase}_seconds") or usual[phase]
    return life.counters


def _difference(whole, killed, step):
    """Returns the first difference between two trainings' ends, in words, or ""."""
    expected, found = (tensors(f"{folder}/model.ckpt-{step}") for folder in (whole, killed))
    if expected.keys() != found.keys():
        return f"other variables: {sorted(expected.keys() ^ found.keys())}"
    for key, value in expected.items():
        if value != found[key]:
            return key
    expected, found = (_history(folder) for folder in (whole, killed))
    steps = [row[0] for row in found]
    if len(steps) != len(set(steps)) or steps[-1] != str(step):
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


def _history(folder):
    """Returns the rows of a history.csv without the wall time, which always differs."""
    with open(os.path.join(folder, "history.csv")) as file:
        header, *rows = csv.reader(file)
    kept = [number for number, name in enumerate(header) if name != "seconds"]
    return [tuple(row[number] for number in kept) for row in rows]


def soak_all(settings, folder, invocation):
    """Soaks trainings, prints and writes the report; returns an exit status, None for 0."""
    lives.load()
    work = tempfile.mkdtemp(prefix="work-", dir=folder)
    data = os.path.join(work, "data")
    os.mkdir(data)
    soak_trainings.make_data(data)
    outcomes = []
    for name, training in soak_trainings.trainings(data).items():
        if name in settings.trainings:
            print(f"Soaking: {name}", file=sys.stderr)
            os.mkdir(os.path.join(work, name))
            outcomes.append(soak(training, settings.kills, settings.seed,
                                 os.path.join(work, name)))
    facts = machine.facts()
    print(report.write(folder, "trainings that are killed and started again", [
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
        if name not in soak_trainings.NAMES:
            raise UsageError(f"--trainings: expected {', '.join(soak_trainings.NAMES)}, "
                             f"found {name!r}.")
    report.check_folder(values.output)
    return values


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("stress.soak", argv)
    return command_line.run(argv, FLAGS, _settings,
                            lambda settings: soak_all(settings, settings.output, line), __doc__,
                            tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
