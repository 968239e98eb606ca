"""Starts a training, or goes on with one."""

import contextlib
import dataclasses
import json
import math
import sys
import tempfile
import time

import keras

import models
from commands.errors import NonFiniteLossError, RunError
from input_data.dataset import Split
from models.hparams import HParams
from training import loop
from training.checkpoints.read import StoredCheckpoint, newest_whole_checkpoint
from training.checkpoints.write import (
    STATE_FILE,
    CheckpointWriter,
    NoWriter,
    remove_unfinished_checkpoints,
)
from training.config import Settings
from training.distribution import devices
from training.evaluation.loading import open_split, warn_of_unused
from training.monitoring import tensorboard
from training.optimizer import make_optimizer, optimizer_slots, warn_of_early_end
from training.run_folder import contents, lock, resume, stopwatch, trained_on

NON_FINITE_STATUS = 3


@dataclasses.dataclass(frozen=True)
class _Start:
    """What a training starts with.

    Attributes:
      settings: Settings, with what an earlier start decided.
      hparams: HParams.
      split: Split to train on.
      step: int, the step to go on from; 0 for a new training.
      stored: the Stored checkpoint that its variables are in, or None.
      resumed: whether that is the training's own.
      given: whether variables are not the initial ones.
    """

    settings: Settings
    hparams: HParams
    split: Split
    step: int = 0
    stored: StoredCheckpoint | None = None
    resumed: bool = False
    given: bool = False


def train(settings):
    """Trains, from the last checkpoint in summary_dir/train if there is one.

    Of several workers the chief decides and writes, and the others follow it.

    Args, Returns, Raises: as for `run`.
    """
    deadline = time.monotonic() + 60 * settings.max_minutes if settings.max_minutes else math.inf
    towers = devices.towers(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(towers.plain_errors())
        if not towers.is_chief:     # the files of a run that it makes nevertheless
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="worker-"))
            settings = dataclasses.replace(settings, summary_dir=folder)
        contents.make_folder(settings.train_folder)
        stack.enter_context(lock.only_writer(settings.train_folder))
        if towers.is_chief:
            start = _begin(settings)
            towers.tell(_told(start))
        else:
            start = _join(settings, towers.tell(""))
        return _train(start, deadline, towers)


def _begin(settings):
    """Returns the _Start of a training; says on the screen where it goes on, if it does."""
    folder = settings.train_folder
    remove_unfinished_checkpoints(folder)
    contents.remove_leftovers(folder, STATE_FILE, tensorboard.HISTORY, stopwatch.NAME)
    stored = newest_whole_checkpoint(folder)
    resumed = stored is not None
    settings, hparams = resume.go_on(settings, resume.read(folder) if resumed else None)
    if not resumed and settings.checkpoint:
        stored = StoredCheckpoint(settings.checkpoint)
    step = stored.step if stored else 0
    if step > settings.max_steps:
        raise RunError(f"--max_steps={settings.max_steps} is below step {step} of {stored.name}; "
                       "give more, or another --summary_dir.")
    if stored:
        print(f"{'Resuming' if resumed else 'Starting'} from {stored.name}.")
    split = open_split(settings)
    if resumed:
        trained_on.check(folder, split.info)
    if stored is None or step < settings.max_steps:
        # Who follows shall not take an earlier end for this one.
        contents.remove(folder, contents.FINISHED)
    return _Start(settings, hparams, split, step, stored, resumed, stored is not None)


def _told(start):
    """Returns what the chief tells the others of a _Start: str."""
    return json.dumps({"flags": dataclasses.asdict(start.settings),
                       "hparams": start.hparams.to_json(),
                       "dataset": dataclasses.asdict(start.split.info),
                       "step": start.step, "given": start.given})


def _join(settings, told):
    """Returns the _Start of a worker that follows the chief.

    Raises:
      RunError: if it was started with other flags, or has other data.
    """
    told = json.loads(told)
    asked = settings.max_steps
    settings, hparams = resume.go_on(settings, resume.Started(
        "Worker 0", told["flags"], HParams.from_json(told["hparams"], "worker 0"),
        "give all workers the same"))
    if asked not in (None, told["flags"]["max_steps"]):
        raise RunError(f"Worker 0 was started with --max_steps={told['flags']['max_steps']}, "
                       f"found --max_steps={asked}; give all workers the same.")
    settings = dataclasses.replace(settings, max_steps=told["flags"]["max_steps"])
    split = open_split(settings)
    own, chiefs = json.loads(json.dumps(dataclasses.asdict(split.info))), told["dataset"]
    if own != chiefs:
        name = next(name for name in own if own[name] != chiefs[name])
        raise RunError(f"{split.source}: {name} is {own[name]}, worker 0 has data with "
                       f"{chiefs[name]}; give all workers the same data.")
    return _Start(settings, hparams, split, told["step"], given=told["given"])


def _train(start, deadline, towers):
    settings, folder = start.settings, start.settings.train_folder
    if settings.batch_size < towers.count:
        raise RunError(f"--batch_size={settings.batch_size}: expected at least one example for "
                       f"each of {towers.count} devices.")
    keras.utils.set_random_seed(settings.seed)
    with towers.scope():
        network = models.build(settings.model, start.hparams, start.split.info,
                               settings.convolution, settings.precision)
        optimizer = make_optimizer(network)
    warn_of_unused(network, settings.hparams_override)
    warn_of_early_end(start.hparams, settings.max_steps)
    if start.stored:
        start.stored.restore_network(network, averaged=False)
        start.stored.restore_optimizer(network, optimizer)
    if start.given:
        _share(network, optimizer, start.step, towers)
    contents.write_settings(folder, settings, start.hparams)
    trained_on.write(folder, start.split.info)
    if towers.is_chief:
        _describe(network)
    if start.given and start.step == settings.max_steps:
        if towers.is_chief:
            print(f"Step {start.step} was reached already: {start.stored.name}")
        contents.write(folder, contents.FINISHED, {"step": start.step})
        return None

    if towers.is_chief:
        writer = CheckpointWriter(folder, network, optimizer, settings.keep_checkpoints,
                               start.stored.name if start.resumed else None)
    else:
        writer = NoWriter(folder)
    try:
        with stopwatch.running(folder, start.resumed):
            return loop.train(network, optimizer, start.split, writer, settings.max_steps,
                                 settings.save_step, settings.batch_size, settings.seed, deadline,
                                 settings.micro_batch, towers)
    except NonFiniteLossError as error:
        print(error, file=sys.stderr)
        return NON_FINITE_STATUS


def _share(network, optimizer, step, towers):
    """Gives all workers the chief's variables and the optimizer's."""
    if towers.workers == 1:
        return
    moments = optimizer_slots(network, optimizer).values()
    shared = [variable for variables in (network.variable_paths(), *moments)
              for variable in variables.values()]
    for variable in [*shared, optimizer.moments_from]:
        value = towers.from_chief(variable.numpy())
        if not towers.is_chief:
            variable.assign(value)
    optimizer.iterations.assign(step)


def _describe(network):
    for name, convolution in network.convolutions().items():
        print(f"{name}: {convolution.algorithm} convolution ({convolution.reason}).")
    paths = network.variable_paths()
    width = max(map(len, paths))
    for path, variable in paths.items():
        print(f"{path:{width}}  {'x'.join(map(str, variable.shape)):>14}")
    print(f"total_params: {network.count_params()}", flush=True)
