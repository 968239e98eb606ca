"""Trains the members of an ensemble, each in a process of its own, and evaluates them together.

    python -m training.trials --summary_dir=/tmp/cifar --num_trials=7 --max_steps=600000
    python -m training.trials --summary_dir=/tmp/cifar --num_trials=7 --max_steps=600000 --trial=3

Trial 3 trains in /tmp/cifar/trial3 with the seed --seed + 3; the evaluation's files go to
/tmp/cifar/test. The same command resumes trials that were stopped, tries those again that failed,
and skips those that are done. The second command above trains one of them alone, as a job of its
own.
"""

from commands import signals

if __name__ == "__main__":
    signals.leave_at_once()        # also while the modules below are imported

import contextlib
import os
import subprocess
import sys

from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError
from training import config
from training.distribution import cluster
from training.run_folder import contents, resume
from training.trials import device_shares, launch
from training.trials.plan import SEEDS, Plan

ENDS = {130: "was stopped", 143: "was stopped", config.TIME_IS_UP_STATUS: "ran out of time"}
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# Flags of a run that have no meaning here, and what to do instead.
OTHERS = {
    "train": "this command trains; evaluate alone with experiment.py",
    "checkpoint": "leave it out; trials begin at the beginning, or where they were stopped",
    "predictions": "leave it out; experiment.py writes predictions, of an ensemble too",
}

TRIALS = "Trials"           # heading of this command's own flags in --help
FLAGS = config.new_flags()
FLAGS["num_trials"].help = "Trainings, the members of the ensemble."
FLAGS["seed"].help = ("Trial i has the seed --seed + i. Without it: as those have it that were "
                      "started before, or i.")
flags.DEFINE_integer("at_once", 1, "Most trainings at a time, each on a GPU of its own; without "
                     "GPUs they share the processor. From 2 on what they print goes to a log of "
                     "each, trial{}/log.txt in --summary_dir.", lower_bound=1, flag_values=FLAGS,
                     module_name=TRIALS)
flags.DEFINE_integer("trial", None, "Train this one alone, of 0 to --num_trials - 1, without an "
                     "evaluation.", lower_bound=0, flag_values=FLAGS, module_name=TRIALS)


def train_all(plan, argv):
    """Trains the trials that are not done, each in a process of its own.

    Args:
      plan: Plan.
      argv: list of str, this command and its flags.

    Returns:
      int, 4 if the time of a trial was up, else the exit status of the first trial that failed,
      or 0.

    Raises:
      RunError: if a log cannot be written.
      KeyboardInterrupt: after Ctrl-C or SIGTERM, when the trainings have saved and ended.
    """
    def start(number, place):
        log = plan.log(number)
        print(f"Trial {number} starts{_named(log)}", flush=True)
        modules = os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
        with _opened(log) as output:
            return subprocess.Popen(
                [sys.executable, "-m", "training.trials", f"--trial={number}", *argv[1:]],
                env={**os.environ, "PYTHONPATH": modules, **plan.shares[place]},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def ended(number, status):
        if status == 0:
            print(f"Trial {number} is done.", flush=True)
        else:
            what = ENDS.get(status, "failed")
            print(f"Trial {number} {what} (exit status {status}){_named(plan.log(number))}",
                  flush=True)

    waiting = []
    for number in range(plan.num_trials):
        if plan.is_done(number):
            print(f"Trial {number} is done already: {plan.checkpoint(number)}", flush=True)
        else:
            waiting.append(number)
    threads = plan.shares[0].get(device_shares.THREADS)
    if waiting and threads:
        why = "" if plan.common.device_type == "cpu" else "There is no GPU: "
        print(f"{why}{plan.at_once} trainings at a time share the processor; threads for each: "
              f"{threads}.", flush=True)
    statuses = launch.run_all(waiting, plan.at_once, start, ended)
    failed = {number: statuses[number] for number in waiting if statuses[number]}
    out_of_time = config.TIME_IS_UP_STATUS in failed.values()
    if failed:
        each = ", ".join(f"{number} (exit status {status})" for number, status in failed.items())
        print(f"{os.path.basename(argv[0])}: not all trials are done: {each}; the same command "
              "tries again.", file=sys.stderr)
    return config.TIME_IS_UP_STATUS if out_of_time else next(iter(failed.values()), 0)


def _named(log):
    return f": {log}" if log else "."


def _opened(log):
    """Returns a context manager: the log, opened to be appended to, or None for the screen."""
    if log is None:
        return contextlib.nullcontext()
    contents.make_folder(os.path.dirname(log))
    try:
        return open(log, "ab")
    except OSError as error:
        raise RunError(f"{log} cannot be written ({error.strerror}).") from None


def _plan(values):
    """Returns the Plan that parsed flags ask for.

    Raises:
      UsageError, HParamsError: for flags that make no sense.
    """
    for name, instead in OTHERS.items():
        if values[name].value != values[name].default:
            raise UsageError(f"--{name}: {instead}.")
    count, trial = values.num_trials, values.trial
    if trial is not None and trial >= count:
        raise UsageError(f"--trial: expected 0 to {count - 1}, as --num_trials={count} counts "
                         f"them, found {trial}.")
    common = cluster.checked(config.from_flags(values, num_trials=1))
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
    # Batches are those of a training; an evaluation has its own.
    evaluation = cluster.checked(
        config.from_flags(values, train=False, checkpoint=last, batch_size=None))
    at_once = min(values.at_once, count)
    shares = [{}] if trial is not None else _shares(common, at_once)
    return Plan(common, evaluation, max_steps, count, at_once, trial, shares)


def _shares(settings, at_once):
    gpus = [] if settings.device_type == "cpu" else device_shares.visible_gpus(os.environ)
    return device_shares.shares(at_once, gpus, os.environ, settings.num_gpus)


def main(argv):
    """Runs the command line, and returns its exit status."""
    def run_here(work, settings):
        # A command within this one: it imports TensorFlow, which trainings elsewhere do not need.
        return command_line.run(argv, FLAGS, lambda values: settings, work, __doc__,
                                before_use=_choose_devices)

    def work(plan):
        if plan.trial is not None:
            return run_here(_train, plan.training(plan.trial))
        return train_all(plan, argv) or run_here(_evaluate, plan.evaluating())

    return command_line.run(argv, FLAGS, _plan, work, __doc__, tensorflow=False,
                            help_text=_help_text)


def _choose_devices(settings):
    from training.distribution import devices

    devices.prepare(settings)


def _train(settings):
    from training.train import train

    return train(settings)


def _evaluate(settings):
    from training.evaluation import ensemble

    return ensemble.evaluate(settings)


def _help_text(values):
    return f"{config.help_text(values)}\n{values.module_help(TRIALS)}"


if __name__ == "__main__":
    sys.exit(main(["trials.py", *sys.argv[1:]]))
