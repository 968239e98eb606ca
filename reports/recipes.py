"""The flagfiles of recipes/, and which of them a run was trained by."""

import os

from training.config import SETTINGS, Keep, from_flags, kept, new_flags
from training.run_folder import resume

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recipes")
# Settings that may differ between runs of a recipe; the hyperparameters are compared instead of
# the text that overrides them.
FREE = {"data_dir", "seed", "routing_implementation", "precision", "hparams_override", "save_step",
        "keep_checkpoints"}
COMPARED = [name for name in kept(Keep.ALWAYS, Keep.CHANGEABLE, Keep.FIRST) if name not in FREE]


def names():
    """Returns the names of the recipes, sorted: list of str."""
    return sorted(name.removesuffix(".flags") for name in os.listdir(FOLDER)
                  if name.endswith(".flags"))


def path(name):
    """Returns the path of a recipe's flagfile: str."""
    return os.path.join(FOLDER, f"{name}.flags")


def read(name, **others):
    """Returns the Config that a recipe asks for, with other settings, such as a summary_dir."""
    values = new_flags()
    values(["", f"--flagfile={path(name)}"])
    return from_flags(values, **others)


def of_run(settings, hparams, step):
    """Returns the name of the recipe that a run was trained by, from its start to its end.

    Args:
      settings: dict of the settings that the run keeps.
      hparams: HParams of the run.
      step: int, the run's last step.

    Returns:
      str, or None for a run of no recipe.
    """
    for name in names():
        config, expected = resume.for_training(read(name, summary_dir=name), None)
        if (step, hparams) == (config.max_steps, expected) and all(
                settings.get(key, SETTINGS[key].default) == getattr(config, key)
                for key in COMPARED):
            return name
    return None
