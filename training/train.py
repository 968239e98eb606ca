"""Sets a training up, and ends it. The steps are in loop.py."""

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
from input_data.dataset import Dataset
from models.hparams import HParams
from models.network import choose_routing
from models.precision import choose_precision
from training import loop
from training.checkpoints.read import StoredCheckpoint, newest_whole_checkpoint
from training.checkpoints.write import (
    CheckpointWriter,
    NoWriter,
    remove_unfinished_checkpoints,
)
from training.config import Config
from training.distribution import devices
from training.monitoring import screen
from training.optimizer import make_optimizer, optimizer_slots, warn_of_early_end
from training.run_folder import contents, lock, resume, trained_data

NON_FINITE_STATUS = 3
MOST_NUMBERS = 2**31        # in a tensor


@dataclasses.dataclass(frozen=True)
class Start:
    """What a training starts from.

    Attributes:
      config: Config without open settings.
      hparams: HParams.
      data: Dataset to train on.
      step: int, the last step taken; 0 for a new training.
      stored: the StoredCheckpoint with its variables, or None.
      resumed: whether that checkpoint is the training's own.
      given: whether variables come from a checkpoint, here or at the chief.
    """

    config: Config
    hparams: HParams
    data: Dataset
    step: int = 0
    stored: StoredCheckpoint | None = None
    resumed: bool = False
    given: bool = False


def train(config, hook=None):
    """Trains, from the last checkpoint in summary_dir/train if there is one.

    Of several workers, the chief decides and writes, and the others follow it.

    Args:
      config: Config.
      hook: loop.Hook, or None.

    Returns:
      int exit status, or None for 0: 3 after a loss that is not finite, 4 after max_minutes,
      128 + N after signal N.

    Raises:
      UserError: for faults that the user can mend.
    """
    deadline = time.monotonic() + 60 * config.max_minutes if config.max_minutes else math.inf
    replicas = devices.replicas(config)
    with contextlib.ExitStack() as stack:
        stack.enter_context(replicas.plain_errors())
        if not replicas.is_chief:       # its own files go into a temporary folder
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="worker-"))
            config = dataclasses.replace(config, summary_dir=folder)
        contents.make_folder(config.train_folder)
        stack.enter_context(lock.only_writer(config.train_folder))
        if replicas.is_chief:
            start = _begin(config)
            replicas.tell(_told(start))
        else:
            start = _join(config, replicas.tell(""))
        training = _set_up(start, replicas)
        config = start.config
        if start.given and start.step == config.max_steps:
            if replicas.is_chief:
                print(f"Step {start.step} was reached already: {start.stored.name}")
            contents.write(config.train_folder, contents.FINISHED, {"step": start.step})
            return None
        try:
            return loop.run(training, deadline, hook)
        except NonFiniteLossError as error:
            print(error, file=sys.stderr)
            return NON_FINITE_STATUS


def _begin(config):
    """Returns the Start of a training; prints which checkpoint it goes on from, if any."""
    folder = config.train_folder
    remove_unfinished_checkpoints(folder)
    contents.remove_leftovers(folder)
    stored = newest_whole_checkpoint(folder)
    resumed = stored is not None
    run = resume.read(folder) if resumed else None
    config, hparams = resume.for_training(config, run)
    config = dataclasses.replace(
        config, routing_implementation=choose_routing(config.routing_implementation),
        precision=choose_precision(config.precision))
    if not resumed and config.checkpoint:
        stored = StoredCheckpoint(config.checkpoint)
    step = stored.step if stored else 0
    if step > config.max_steps or (stored and not resumed and step == config.max_steps):
        raise RunError(f"--max_steps={config.max_steps} leaves nothing to train after step {step} "
                       f"of {stored.name}; give more, or another --summary_dir.")
    if stored:
        print(f"{'Resuming' if resumed else 'Starting'} from {stored.name}.")
    data = config.load_data()
    screen.show_data(data)
    if resumed:
        trained_data.check(run, data, resuming=True, skip_broken=config.skip_broken)
    if stored is None or step < config.max_steps:
        # An old end mark would stop a follower early.
        contents.remove(folder, contents.FINISHED)
    return Start(config, hparams, data, step, stored, resumed, stored is not None)


def _set_up(start, replicas):
    """Returns the Training of a Start; writes its settings into its folder."""
    config, folder = start.config, start.config.train_folder
    if config.batch_size < replicas.count:
        raise RunError(f"--batch_size={config.batch_size}: expected at least one example for "
                       f"each of {replicas.count} devices.")
    models.check_size(config.model, start.hparams, start.data.info)
    keras.utils.set_random_seed(config.seed)
    with replicas.scope():
        network = models.build(config.model, start.hparams, start.data.info, config.convolution,
                               config.precision, config.routing_implementation)
        optimizer = make_optimizer(network)
    _check_batch(config, replicas, network)
    screen.warn_of_unused(network, config.hparams_override)
    warn_of_early_end(start.hparams, config.max_steps)
    if start.stored:
        start.stored.restore_network(network, averaged=False)
        start.stored.restore_optimizer(network, optimizer)
    if start.given:
        _share(network, optimizer, start.step, replicas)
    contents.write_config(folder, config, start.hparams)
    trained_data.write(folder, start.data)
    if replicas.is_chief:
        screen.show_network(network)
        screen.compile_routing(network)
        writer = CheckpointWriter(folder, network, optimizer, config.keep_checkpoints,
                                  start.stored.name if start.resumed else None)
    else:
        writer = NoWriter(folder)
    return loop.Training(config, network, optimizer, start.data, writer, replicas)


def _check_batch(config, replicas, network):
    """Raises RunError for batches that the network or TensorFlow's convolutions cannot take."""
    if network.has_batch_statistics and (config.micro_batch or replicas.count > 1):
        raise RunError(f"The network {network.name} normalizes with the statistics of whole "
                       "batches: expected one device and no --micro_batch.")
    at_once = -(-config.batch_size // replicas.count)
    at_once = min(at_once, config.micro_batch or at_once)
    height, width, _ = network.image_shape
    # The largest tensor is a convolution's output.
    channels = max((getattr(layer, "filters", 0) for layer in network.layers), default=0)
    most = MOST_NUMBERS // (height * width * max(channels, 1))
    if at_once > most:
        raise RunError(f"--batch_size={config.batch_size}: expected at most {most} examples of "
                       f"{height}x{width} at once; --micro_batch computes a batch in parts.")


def _told(start):
    """Returns the chief's Start as text for the other workers."""
    return json.dumps({"settings": dataclasses.asdict(start.config),
                       "hparams": start.hparams.to_json(),
                       "dataset": dataclasses.asdict(start.data.info),
                       "step": start.step, "given": start.given})


def _join(config, told):
    """Returns the Start of a worker that follows the chief.

    Raises:
      RunError: if the worker has other flags or other data.
    """
    told = json.loads(told)
    asked, max_steps = config.max_steps, told["settings"]["max_steps"]
    if asked not in (None, max_steps):
        raise RunError(f"Worker 0 was started with --max_steps={max_steps}, found "
                       f"--max_steps={asked}; give all workers the same.")
    config, hparams = resume.for_training(
        dataclasses.replace(config, max_steps=max_steps),
        resume.StoredRun("Worker 0", told["settings"],
                         HParams.from_json(told["hparams"], "worker 0"),
                         instead="give all workers the same"))
    data = config.load_data()
    screen.show_data(data)
    own, chiefs = json.loads(json.dumps(dataclasses.asdict(data.info))), told["dataset"]
    if own != chiefs:
        name = next(name for name in own if own[name] != chiefs[name])
        raise RunError(f"{data.source}: {name} is {own[name]}, worker 0 has data with "
                       f"{chiefs[name]}; give all workers the same data.")
    return Start(config, hparams, data, told["step"], given=told["given"])


def _share(network, optimizer, step, replicas):
    """Copies the chief's variables, and its optimizer's, to all workers."""
    if replicas.workers == 1:
        return
    moments = optimizer_slots(network, optimizer).values()
    shared = [variable for variables in (network.variable_paths(), *moments)
              for variable in variables.values()]
    for variable in [*shared, optimizer.moments_from]:
        value = replicas.from_chief(variable.numpy())
        if not replicas.is_chief:
            variable.assign(value)
    optimizer.iterations.assign(step)
