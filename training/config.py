"""What a run is asked to do: the experiment's flags, checked."""

import dataclasses
import glob
import math
import os
import re

from absl import flags

from commands.errors import UsageError
from input_data import READERS, is_dataset
from models.hparams import HParams

MAX_STEPS = 1000
TRAINING_BATCH = 128
EVALUATION_BATCH = 100
CONVOLUTIONS = ("auto", "direct", "spectral")
PRECISIONS = ("float32", "bfloat16")
DEVICE_TYPES = ("gpu", "cpu")
# The settings that go to the dataset's reader, by their own names.
READER_OPTIONS = ("image_size", "shift", "validation_fraction", "validation_seed", "skip_broken")
# The settings that a training keeps from its start; others are refused when it resumes.
KEPT = ("dataset", "model", "num_targets", "validate", "seed", "batch_size", "micro_batch",
        "convolution", "precision", *READER_OPTIONS)
# Of those: files may break, memory may run short on the way.
MAY_CHANGE = ("skip_broken", "micro_batch")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The flags of experiment.py under the same names; None where a flag was left out.

    Raises:
      UsageError: for a combination of flags that makes no sense, or files that are not there.
      HParamsError: for an impossible hyperparameter.
    """

    data_dir: str | None = None
    dataset: str = "mnist"
    image_size: str | None = None
    shift: int | None = None
    validation_fraction: float | None = None
    validation_seed: int | None = None
    skip_broken: bool | None = None
    model: str = "capsule"
    hparams_override: str = ""
    num_targets: int = 1
    train: bool = True
    validate: bool = False
    summary_dir: str | None = None
    checkpoint: str | None = None
    predictions: str | None = None
    max_steps: int | None = None
    max_minutes: float = 0.0
    save_step: int = 1500
    keep_checkpoints: int = 1000
    eval_size: int = 10000
    batch_size: int | None = None
    micro_batch: int | None = None
    convolution: str | None = None
    precision: str | None = None
    seed: int | None = None
    num_gpus: int = 1
    device_type: str = "gpu"
    poll_seconds: float = 10.0
    patience_minutes: float = 120.0
    num_trials: int = 1

    def __post_init__(self):
        HParams().override(self.hparams_override)
        for name in ("max_minutes", "poll_seconds", "patience_minutes"):
            if not math.isfinite(getattr(self, name)):
                raise UsageError(f"--{name}: expected a number, found {getattr(self, name)}.")
        if self.data_dir is not None:
            _check_data_dir(self.data_dir)
        if self.validation_fraction is not None and not 0 < self.validation_fraction < 1:
            raise UsageError("--validation_fraction: expected a number between 0 and 1, found "
                             f"{self.validation_fraction}.")
        image_size(self.image_size)
        if self.predictions is not None:
            self._check_predictions()
        for name in ("summary_dir", "checkpoint"):
            found = set(getattr(self, name) or "") & set("[]*?")
            if found:
                raise UsageError(f"--{name}: expected a path without [ ] * ?, which TensorFlow "
                                 f"reads as patterns, found {getattr(self, name)}.")
        if os.path.isfile(self.summary_dir or ""):
            raise UsageError(f"--summary_dir: expected a folder, found the file "
                             f"{self.summary_dir}.")
        if not self.summary_dir and (self.train or not self.checkpoint):
            raise UsageError("--summary_dir is missing: it takes a run's checkpoints and "
                             "summaries" + ("." if self.train else "; or give a --checkpoint."))
        if self.num_trials > 1 and self.train:
            raise UsageError("--num_trials is for evaluation; python -m training.trials trains "
                             "so many.")
        if self.num_trials > 1 and not self.is_ensemble:
            raise UsageError("--num_trials needs a --checkpoint with {} in it, which stands for "
                             "the trial's number.")

    def _check_predictions(self):
        if self.train or not self.checkpoint:
            raise UsageError("--predictions needs --train=false and a --checkpoint.")
        if self.summary_dir:
            raise UsageError("--predictions writes its own file; leave --summary_dir out.")
        if not os.path.isdir(os.path.dirname(self.predictions) or "."):
            raise UsageError(f"--predictions: there is no folder for {self.predictions}.")
        if os.path.lexists(self.predictions):
            raise UsageError(f"--predictions: {self.predictions} is there already.")

    @property
    def is_ensemble(self):
        """Whether several checkpoints are evaluated together."""
        if self.train or "{}" not in (self.checkpoint or ""):
            return False
        return self.num_trials > 1 or not os.path.exists(self.checkpoint + ".index")

    @property
    def split(self):
        """The dataset's split that the run reads."""
        if self.validate:
            return "valid_train" if self.train else "valid_test"
        return "train" if self.train else "test"

    @property
    def reader_options(self):
        """What goes to `input_data.load` as its options: a dict."""
        options = {name: getattr(self, name) for name in READER_OPTIONS}
        return {**options, "image_size": image_size(self.image_size)}

    @property
    def train_folder(self):
        """Where training leaves its files."""
        return os.path.join(self.summary_dir, "train")

    @property
    def test_folder(self):
        """Where an evaluation leaves its files, or None."""
        return self.summary_dir and os.path.join(self.summary_dir, "test")


def define_dataset(flag_values, default="mnist", about="The dataset"):
    """Defines a command's flag --dataset."""
    flags.DEFINE_string("dataset", default, f"{about}: {', '.join(READERS)}.",
                        flag_values=flag_values)
    flags.register_validator("dataset", lambda name: name is None or is_dataset(name),
                             f"expected one of {', '.join(READERS)}.", flag_values=flag_values)


def define_reader_options(flag_values):
    """Defines a command's flags that say which of a dataset's images are read, and how."""
    flags.DEFINE_string("image_size", None, "HxW or HxWxC: images are scaled to H by W pixels and "
                        "converted to C channels (1, 3 or 4). Without it: the first image's, and "
                        "all must have it.", flag_values=flag_values)
    flags.DEFINE_float("validation_fraction", None, "Share of the examples that is held out, where "
                       "the dataset itself does not say which. Without it: 0.2, of digits 0.3.",
                       flag_values=flag_values)
    flags.DEFINE_integer("validation_seed", None, "Decides which examples --validation_fraction "
                         "holds out; --seed does not. Without it: the last ones of digits, others "
                         "as with 0.", lower_bound=0, upper_bound=2**32 - 1,
                         flag_values=flag_values)
    flags.DEFINE_boolean("skip_broken", None, "Leave files out that cannot be read, instead of "
                         "ending with the first of them.", flag_values=flag_values)


def image_size(text):
    """Returns what --image_size says, or None where it was left out.

    Args:
      text: str "HxW" or "HxWxC", or None.

    Returns:
      (height, width) or (height, width, channels).

    Raises:
      UsageError: if the text is neither.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)(?:x([134]))?", text)
    if not found:
        raise UsageError("--image_size: expected HxW or HxWxC in pixels and 1, 3 or 4 channels, "
                         f"such as 32x32x3, found {text!r}.")
    return tuple(int(number) for number in found.groups() if number)


def flag(name, value):
    """Returns a flag in words, for errors: --name=value, or that there was none."""
    return f"no --{name}" if value is None else f"--{name}={value}"


def _check_data_dir(data_dir):
    if not data_dir:
        raise UsageError("--data_dir is empty; leave it out for the sample of MNIST.")
    shards = glob.glob(glob.escape(data_dir.rpartition("@")[0]) + "-*") if "@" in data_dir else []
    if not os.path.exists(data_dir) and not shards:
        raise UsageError(f"--data_dir: there is no folder or file {data_dir}.")
