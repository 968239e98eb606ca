"""Trains the members of an ensemble, each in a process of its own, and evaluates them together.

    python -m training.trials --summary_dir=/tmp/cifar --num_trials=7 --max_steps=600000
    python -m training.trials --summary_dir=/tmp/cifar --num_trials=7 --max_steps=600000 --trial=3

Trial 3 trains in /tmp/cifar/trial3 with the seed --seed + 3; the evaluation writes to
/tmp/cifar/test. The same command resumes stopped trials, tries failed ones again, and skips those
that are done. The second command trains one of them alone, for a job of its own.
"""

from commands import signals

if __name__ == "__main__":
    signals.leave_at_once()        # also while the modules below are imported

import contextlib
import os
import subprocess
import sys
import time

from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError
from training import config
from training.distribution import cluster
from training.run_folder import contents, resume
from training.trials import device_shares, launch
from training.trials.plan import SEEDS, Plan

ENDS = {130: "was stopped", 143: "was stopped", config.TIME_IS_UP_STATUS: "ran out of time"}

FLAGS = config.new_flags()
FLAGS["num_trials"].help = "Trainings, the members of the ensemble."
FLAGS["seed"].help = ("Trial i has the seed --seed + i. Without it: the seeds of the trials that "
                      "were started before, or i.")
flags.DEFINE_integer("at_once", 1, "Most trainings at a time, each on a GPU of its own; without "
                     "GPUs they share the processor. From 2 on each prints into a log, "
                     "trial{}/log.txt in --summary_dir.", lower_bound=1, flag_values=FLAGS,
                     module_name=config.DEVICES)
flags.DEFINE_integer("trial", None, "Train this one alone, of 0 to --num_trials - 1, without an "
                     "evaluation.", lower_bound=0, flag_values=FLAGS,
                     module_name=config.TRAINING)


def _train_all(plan, argv):
    """Trains the trials that are not done, each in its own process; returns the exit status."""
    minutes = plan.common.max_minutes
    deadline = time.monotonic() + 60 * minutes

    def start(number, share):
        log = plan.log(number)
        rest = argv[1:]
        if minutes:
            left = max((deadline - time.monotonic()) / 60, 0.01)
            rest.append(f"--max_minutes={left:.3f}")
        print(f"Trial {number} starts{_named(log)}", flush=True)
        with _opened(log) as output:
            return subprocess.Popen(
                [sys.executable, "-m", "training.trials", f"--trial={number}", *rest],
                env={**os.environ, **share}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output)

    def ended(number, status):
        how = f"{ENDS.get(status, 'failed')} (exit status {status}){_named(plan.log(number))}"
        print(f"Trial {number} {how if status else 'is done.'}", flush=True)
        return status == config.TIME_IS_UP_STATUS

    done = [number for number in range(plan.num_trials) if plan.is_done(number)]
    waiting = [number for number in range(plan.num_trials) if number not in done]
    for number in done:
        print(f"Trial {number} is done already: {plan.evaluation.member(number)}", flush=True)
    threads = plan.shares[0].get(device_shares.THREADS)
    if waiting and threads:
        why = "" if plan.common.device_type == "cpu" else "There is no GPU: "
        print(f"{why}{len(plan.shares)} trainings at a time share the processor; threads for "
              f"each: {threads}.", flush=True)
    statuses = launch.run_all(waiting, plan.shares, start, ended)
    failed = {number: status for number, status in statuses.items() if status}
    if failed:
        each = ", ".join(f"{number} (exit status {status})" for number, status in failed.items())
        print(f"{os.path.basename(argv[0])}: not all trials are done: {each}; the same command "
              "tries again.", file=sys.stderr)
    out_of_time = config.TIME_IS_UP_STATUS in failed.values()
    return config.TIME_IS_UP_STATUS if out_of_time else next(iter(failed.values()), 0)


def _named(log):
    return f": {log}" if log else "."


def _opened(log):
    """Returns a context manager: the log to append to, or None for the screen."""
    if log is None:
        return contextlib.nullcontext()
    contents.make_folder(os.path.dirname(log))
    try:
        return open(log, "ab")
    except OSError as error:
        raise RunError(f"{log} cannot be written ({error.strerror}).") from None


def _plan(values):
    """Returns the Plan that parsed flags ask for."""
    if cluster.from_environment():
        raise UsageError("TF_CONFIG is for experiment.py; unset it to train trials.")
    for name in ("train", "checkpoint", "predictions"):
        if values[name].value != values[name].default:
            raise UsageError(f"--{name}: this command trains from the start, or from where trials "
                             "were stopped; experiment.py evaluates and predicts.")
    count, trial = values.num_trials, values.trial
    if trial is not None and trial >= count:
        raise UsageError(f"--trial: expected 0 to {count - 1}, as --num_trials={count} counts "
                         f"them, found {trial}.")
    common = config.from_flags(values, num_trials=1)
    if (common.seed or 0) + count > SEEDS:
        raise UsageError(f"--seed: expected at most {SEEDS - count}, for {count} trials with "
                         f"seeds of their own, found {common.seed}.")
    if trial is None and common.data_dir and resume.is_record_file(common.data_dir):
        raise UsageError("--data_dir: expected a folder, with data to train on and to evaluate "
                         f"on, found {common.data_dir}.")
    if config.TRIAL.search(common.summary_dir):
        raise UsageError("--summary_dir: expected a path without {}, found "
                         f"{common.summary_dir}.")
    max_steps = values.max_steps or config.SETTINGS["max_steps"].default
    last = os.path.join(common.summary_dir, "trial{}", "train", f"model.ckpt-{max_steps}")
    # --batch_size is for training.
    evaluation = config.from_flags(values, train=False, checkpoint=last, batch_size=None)
    at_once = min(values.at_once, count) if trial is None else 1
    shares = device_shares.shares(at_once, os.environ, common.device_type, common.num_gpus)
    return Plan(common, evaluation, max_steps, count, trial, shares)


def main(argv):
    """Runs the command line, and returns its exit status."""
    def run_here(settings):
        # A command within this one: it imports TensorFlow, which trainings elsewhere do not need.
        return command_line.run(argv, FLAGS, lambda values: settings, _train_or_evaluate, __doc__,
                                before_use=_choose_devices)

    def work(plan):
        if plan.trial is not None:
            return run_here(plan.training(plan.trial))
        return _train_all(plan, argv) or run_here(plan.evaluating())

    return command_line.run(argv, FLAGS, _plan, work, __doc__, tensorflow=False,
                            help_text=config.help_text)


def _choose_devices(settings):
    from training.distribution import devices

    devices.prepare(settings)


def _train_or_evaluate(settings):
    from training import train
    from training.evaluation import ensemble

    return train.train(settings) if settings.train else ensemble.evaluate(settings)


if __name__ == "__main__":
    sys.exit(main(["trials.py", *sys.argv[1:]]))
