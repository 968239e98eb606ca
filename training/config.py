"""Every setting of a run, once: name, type, default, range, meaning, and whether a run keeps it.

What follows from this table: the flags and their --help, the check of a flags.json that somebody
edited, the rules of resuming (run_folder/resume.py), what an export keeps, and the commands in
tables of results.
"""

import dataclasses
import enum
import glob
import os
import re

import input_data
import models
from commands import command_line
from commands.errors import UsageError, check_path
from commands.settings import define_flags, setting, settings_of
from models.hparams import HParams

TIME_IS_UP_STATUS = 4       # of a training whose max_minutes are over
EVALUATION_BATCH = 100      # examples, where --batch_size is left out
DATA, NETWORK, TRAINING, EVALUATION, DEVICES = GROUPS = (
    "Data", "Network", "Training", "Evaluation", "Devices")
MOST = 10**12               # of what is counted in steps or examples
# {}, {0} or {:02d}: a trial's number in --checkpoint, as in str.format.
TRIAL = re.compile(r"\{0?(?::(0?\d{0,2}d?))?\}")


class Keep(enum.Enum):
    """What becomes of a setting when a training is started again.

    The settings that a run keeps are None until they are named, or found in the run's folder.
    """

    ALWAYS = "the first start decides; another value is refused"
    CHANGEABLE = "kept until another value is given"
    FIRST = "concerns the first start alone, and is kept for the record"
    START = "belongs to one start"


@dataclasses.dataclass(frozen=True)
class Config:
    """The settings of a run, each with the name of its flag.

    Raises:
      UsageError: for a value or a combination that makes no sense, or files that are not there.
      HParamsError: for an impossible hyperparameter.
    """

    data_dir: str | None = setting(
        "Folder of the dataset's files, or name of a record file (NAME@N: N shards). Without it: "
        "the run's own, for a new run the sample that comes with the project.",
        group=DATA, keep=Keep.CHANGEABLE, optional=True)
    dataset: str | None = setting(
        f"The dataset: {', '.join(input_data.READERS)}.", group=DATA, keep=Keep.ALWAYS,
        optional=True, default="mnist", check=input_data.name_problem)
    num_targets: int | None = setting(
        "Classes in an image: 2 for pairs of MNIST digits.", group=DATA, keep=Keep.ALWAYS,
        optional=True, default=1, lowest=1, highest=1000)
    image_size: str | None = setting(
        "HxW or HxWxC: images are scaled to H by W pixels and converted to C channels (1, 3 or "
        "4). Without it: the first image's size, which all must have.", group=DATA,
        keep=Keep.ALWAYS, optional=True, check=input_data.size_problem)
    shift: int | None = setting(
        "Training images are moved by up to this many pixels each way. Without it: 2 for MNIST's "
        "IDX files, 0 for its records and for digits.", group=DATA, keep=Keep.ALWAYS,
        optional=True, lowest=0, highest=1000)
    validate: bool | None = setting(
        "Hold part of the training data out, and evaluate on it instead of the test data.",
        group=DATA, keep=Keep.ALWAYS, optional=True, default=False)
    validation_fraction: float | None = setting(
        "Share of the examples to hold out, where the dataset itself does not say which. "
        "Without it: 0.2, of digits 0.3.", group=DATA, keep=Keep.ALWAYS, optional=True, above=0,
        below=1)
    validation_seed: int | None = setting(
        "Decides which examples --validation_fraction holds out; --seed does not. Without it: "
        "the last ones of digits, others as with 0.", group=DATA, keep=Keep.ALWAYS,
        optional=True, lowest=0, highest=2**32 - 1)
    skip_broken: bool | None = setting(
        "Leave out files that cannot be read, instead of stopping at the first.",
        group=DATA, keep=Keep.CHANGEABLE, optional=True)
    model: str | None = setting(
        "The network.", group=NETWORK, keep=Keep.ALWAYS, optional=True, default="capsule",
        choices=lambda: tuple(models.NETWORKS))
    hparams_override: str = setting(
        "Hyperparameters other than the defaults, as key=value,key=value; listed below. Given "
        "again, it adds to them.", group=NETWORK, keep=Keep.FIRST, default="", is_pairs=True)
    convolution: str | None = setting(
        "Algorithm of the large convolutions: auto takes the faster one. Checkpoints are the "
        "same.", group=NETWORK, keep=Keep.ALWAYS, optional=True, default="auto",
        choices=lambda: ("auto", "direct", "spectral"))
    routing_implementation: str | None = setting(
        "How dynamic routing is computed: by loops that Numba compiles (fused) or TensorFlow's "
        "operations (products); auto: fused on CPUs where Numba is installed.", group=NETWORK,
        keep=Keep.ALWAYS, optional=True, default="auto",
        choices=lambda: ("auto", "fused", "products"))
    precision: str | None = setting(
        "Precision of the convolutions' products; weights, routing and losses are always float32. "
        "auto: bfloat16 on processors that have instructions for it, else float32.",
        group=NETWORK, keep=Keep.ALWAYS, optional=True, default="float32",
        choices=lambda: ("float32", "bfloat16", "auto"))
    train: bool = setting("Train; false evaluates.", group=TRAINING, keep=Keep.START,
                          default=True)
    summary_dir: str | None = setting(
        "Folder of the run: train/ takes checkpoints and summaries of the training, test/ those "
        "of evaluations.", group=TRAINING, keep=Keep.START, optional=True)
    max_steps: int | None = setting(
        "Step to end at.", group=TRAINING, keep=Keep.START, optional=True, default=1000,
        lowest=1, highest=MOST)
    max_minutes: float = setting(
        "Minutes after which a training saves and ends with exit status 4; the same command goes "
        "on. 0: no limit.", group=TRAINING, keep=Keep.START, default=0.0, lowest=0)
    save_step: int | None = setting(
        "Steps between checkpoints.", group=TRAINING, keep=Keep.CHANGEABLE, optional=True,
        default=1500, lowest=1, highest=MOST)
    keep_checkpoints: int | None = setting(
        "Newest checkpoints to keep; older ones are removed. One of the MNIST network takes 99 "
        "MB.", group=TRAINING, keep=Keep.CHANGEABLE, optional=True, default=1000, lowest=1,
        highest=MOST)
    batch_size: int | None = setting(
        f"Examples in a batch; an evaluation takes {EVALUATION_BATCH} unless it is given.",
        group=TRAINING, keep=Keep.ALWAYS, optional=True, default=128, lowest=1, highest=1_000_000)
    micro_batch: int | None = setting(
        "Most examples that training computes at once; a larger batch is computed in parts, in "
        "less memory. Without it: the whole batch.", group=TRAINING, keep=Keep.CHANGEABLE,
        optional=True, lowest=1, highest=1_000_000)
    seed: int | None = setting(
        "Decides initial weights, and order and augmentation of the examples.", group=TRAINING,
        keep=Keep.ALWAYS, optional=True, default=0, lowest=0, highest=2**32 - 1)
    checkpoint: str | None = setting(
        "Checkpoint to evaluate, or to start training from. Without it evaluation follows the "
        "checkpoints in summary_dir/train.", group=EVALUATION, keep=Keep.FIRST, optional=True)
    eval_size: int = setting("Most examples to evaluate, from the first on.", group=EVALUATION,
                             keep=Keep.START, default=10000, lowest=1, highest=MOST)
    predictions: str | None = setting(
        "Instead of evaluating, write the classes of the dataset's unlabelled images into this "
        "new CSV file.", group=EVALUATION, keep=Keep.START, optional=True)
    num_trials: int = setting(
        "Evaluate an ensemble of so many checkpoints: {} in --checkpoint stands for their "
        "numbers, from 0.", group=EVALUATION, keep=Keep.START, default=1, lowest=1, highest=10000)
    poll_seconds: float = setting("Following: seconds between checks for a new checkpoint.",
                                  group=EVALUATION, keep=Keep.START, default=10.0, lowest=0.1,
                                  highest=86400)
    patience_minutes: float = setting("Following: minutes to wait for a new checkpoint.",
                                      group=EVALUATION, keep=Keep.START, default=120.0, lowest=0)
    num_gpus: int = setting("Devices that share each batch.", group=DEVICES, keep=Keep.START,
                            default=1, lowest=1, highest=1000)
    device_type: str = setting(
        "Kind of these devices: GPUs (one falls back to the CPU), or parts of the CPU.",
        group=DEVICES, keep=Keep.START, default="gpu", choices=lambda: ("gpu", "cpu"))

    def __post_init__(self):
        for name, known in SETTINGS.items():
            if problem := known.problem(getattr(self, name)):
                raise UsageError(f"--{name}: {problem}.")
        HParams().override(self.hparams_override)
        self._check_paths()
        if self.predictions is not None:
            self._check_predictions()
        if not self.summary_dir and (self.train or not self.checkpoint):
            raise UsageError("--summary_dir is missing: it takes a run's checkpoints and "
                             "summaries" + ("." if self.train else "; or give a --checkpoint."))
        if self.num_trials > 1 and self.train:
            raise UsageError("--num_trials is for evaluation; python -m training.trials trains "
                             "so many.")
        if self.num_trials > 1 and not self.is_ensemble:
            raise UsageError("--num_trials needs a --checkpoint with {} in it, which stands for "
                             "the trial's number.")

    def _check_paths(self):
        for name in ("data_dir", "summary_dir", "checkpoint", "predictions"):
            if getattr(self, name) is not None:
                check_path(f"--{name}", getattr(self, name))
        for name in ("summary_dir", "checkpoint"):
            if set(getattr(self, name) or "") & set("[]*?"):
                raise UsageError(f"--{name}: expected a path without [ ] * ?, which TensorFlow "
                                 f"reads as patterns, found {getattr(self, name)}.")
        if self.data_dir is not None:
            shards = "@" in self.data_dir and glob.glob(
                glob.escape(self.data_dir.rpartition("@")[0]) + "-*")
            if not os.path.exists(self.data_dir) and not shards:
                raise UsageError(f"--data_dir: there is no folder or file {self.data_dir}.")
        if os.path.isfile(self.summary_dir or ""):
            raise UsageError(f"--summary_dir: expected a folder, found the file "
                             f"{self.summary_dir}.")
        if self.summary_dir and self.data_dir and os.path.realpath(
                self.summary_dir) == os.path.realpath(self.data_dir):
            raise UsageError("--summary_dir: expected another folder than that of the data, "
                             f"found {self.summary_dir} for both.")

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
        if self.train or not TRIAL.search(self.checkpoint or ""):
            return False
        return self.num_trials > 1 or not os.path.exists(self.checkpoint + ".index")

    def member(self, number):
        """Returns the name of an ensemble's checkpoint: its number in the place of {}."""
        return TRIAL.sub(lambda found: format(number, found[1] or ""), self.checkpoint)

    @property
    def split(self):
        """The dataset's split that the run reads: str."""
        if self.validate:
            return "valid_train" if self.train else "valid_test"
        return "train" if self.train else "test"

    @property
    def reader_options(self):
        """What goes to `input_data.load` as its options: a dict."""
        return {"image_size": input_data.parse_size(self.image_size), "shift": self.shift,
                "validation_fraction": self.validation_fraction,
                "validation_seed": self.validation_seed, "skip_broken": self.skip_broken}

    def load_data(self):
        """Returns the Dataset that the run reads.

        Raises:
          DataError: if the data are missing or damaged.
        """
        return input_data.load(self.dataset or SETTINGS["dataset"].default, self.data_dir,
                               self.split, self.num_targets or 1, **self.reader_options)

    def load_unlabelled(self):
        """Returns the Dataset of the dataset's images without labels. Raises: as `load_data`."""
        return input_data.load_unlabelled(self.dataset, self.data_dir,
                                          self.reader_options["image_size"])

    @property
    def train_folder(self):
        """Where training leaves its files: str."""
        return os.path.join(self.summary_dir, "train")

    @property
    def test_folder(self):
        """Where an evaluation leaves its files: str, or None."""
        return self.summary_dir and os.path.join(self.summary_dir, "test")


SETTINGS = settings_of(Config)


def kept(*keeps):
    """Returns the names of the settings that a run keeps in one of some ways, a list of Keep."""
    return [name for name, known in SETTINGS.items() if known.keep in keeps]


def new_flags(*names):
    """Returns a command's flags: --help, --verbosity, and settings, by default all of them."""
    values = command_line.new_flags()
    define_flags([SETTINGS[name] for name in names or SETTINGS], values)
    return values


def from_flags(values, **others):
    """Returns the Config that parsed flags ask for.

    Args:
      values: what `new_flags` returned.
      **others: settings that replace those of the flags.
    """
    given = {name: values[name].value for name in SETTINGS if name in values}
    return Config(**{**given, **others})


def help_text(values):
    """Returns the --help of flags in their groups, and the hyperparameters with their meanings."""
    lines = [values.module_help(group) for group in GROUPS]
    lines.append("\nHyperparameters (--hparams_override):")
    lines += [f"  {name}: {known.about} ({known.expected}; default: {known.default})"
              for name, known in settings_of(HParams).items()]
    return "\n".join(lines)
