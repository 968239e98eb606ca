"""What a network is trained on: kept beside its checkpoints, and held against other data."""

import dataclasses

from commands.errors import RunError
from training.config import READER_OPTIONS, flag
from training.monitoring import progress
from training.run_folder import contents


def write(folder, info):
    """Leaves a training's DatasetInfo in its folder."""
    contents.write(folder, contents.DATASET, dataclasses.asdict(info))


def check(folder, info):
    """Checks that data are like those of a training: of the same size and the same classes.

    Args:
      folder: str, where the training left its files; without a word on its data there, all fit.
      info: DatasetInfo of the data.

    Raises:
      RunError: if they are not.
    """
    trained = contents.read(folder, contents.DATASET) or {}
    size = [trained.get(name, getattr(info, name)) for name in ("height", "width", "depth")]
    found = [info.height, info.width, info.depth]
    if size != found:
        size, found = ("x".join(map(str, numbers)) for numbers in (size, found))
        raise RunError(f"{folder}: trained on images of {size}, found {found}; expected the same, "
                       f"by --image_size={size} where the dataset has that flag.")
    names = trained.get("class_names", list(info.class_names))
    if names != list(info.class_names):
        at = next((number for number, pair in enumerate(zip(names, info.class_names))
                   if pair[0] != pair[1]), min(len(names), len(info.class_names)))
        raise RunError(f"{folder}: trained on {len(names)} classes, found "
                       f"{len(info.class_names)}; number {at} was {_name(names, at)}, found "
                       f"{_name(info.class_names, at)}; expected the same.")


def as_trained(settings, *folders):
    """Returns an evaluation's settings with the reader's options of the training.

    So images have the size that they were trained in, and what was held out is held out.

    Args:
      settings: Settings.
      *folders: str, where the training left its files, or several trainings, of an ensemble.

    Raises:
      RunError: if a training held other examples out than the settings or another training.
    """
    for folder in folders:
        flags = contents.read(folder, contents.FLAGS) or {}
        if flags.get("dataset") != settings.dataset:
            continue
        for name in READER_OPTIONS:
            if name == "shift":         # of images to train on alone
                continue
            asked, trained = getattr(settings, name), flags.get(name)
            if asked is None and folder == folders[0]:
                settings = dataclasses.replace(settings, **{name: trained})
            elif name.startswith("validation_") and asked != trained:
                raise RunError(f"{folder}: trained with {flag(name, trained)}, found "
                               f"{flag(name, asked)}: images that were trained on would be "
                               "counted as held out.")
    return settings


def warn_of_seen(settings, folder):
    """Says on the screen if images to evaluate, as held out, were not held out of a training.

    Args:
      settings: Settings of the evaluation.
      folder: str, where the training left its files.
    """
    flags = contents.read(folder, contents.FLAGS) or {}
    if (settings.validate and flags.get("validate") is False
            and flags.get("dataset") == settings.dataset):
        progress.warn(f"{folder}: trained without --validate, so also on the images that are "
                      "evaluated now.")


def _name(names, number):
    return names[number] if number < len(names) else "none"
