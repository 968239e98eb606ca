"""Writes a page on the flags of experiment.py and on the hyperparameters.

    python -m reports.manual.settings
    python -m reports.manual.settings --page=docs/reference/settings.md
"""

import sys

import models
from commands.settings import settings_of
from models.hparams import TRAINING, HParams
from reports.manual import pages
from training.config import GROUPS, SETTINGS, Keep

TITLE = "# Flags and hyperparameters"
ABOUT = """What `python experiment.py --help` lists. This page is made by
`python -m reports.manual.settings --page=docs/reference/settings.md`.

"Kept" says what happens when the same run starts again: **always**, a run keeps the value and
refuses another one; **until changed**, it keeps the value until you give another; **first start**,
the flag matters at the first start alone. Flags without a word count for one start."""
KEPT = {Keep.ALWAYS: "always", Keep.CHANGEABLE: "until changed", Keep.FIRST: "first start",
        Keep.START: ""}
HYPERPARAMETERS = """## Hyperparameters

`--hparams_override=routing=1,leaky=true` changes some; a second `--hparams_override` adds to the
first. The defaults are the reference's. A network warns of those that it does not read."""


def page(_):
    """Returns the page: str."""
    parts = [TITLE, ABOUT]
    for group in GROUPS:
        parts += [f"## {group}", _table(
            ["flag", "meaning", "values", "default", "kept"],
            [[f"`--{name}`", known.about, _values(known), _shown(known.default), KEPT[known.keep]]
             for name, known in SETTINGS.items() if known.group == group])]
    parts += [HYPERPARAMETERS, _table(
        ["name", "meaning", "values", "default", "read by"],
        [[f"`{name}`", known.about, _values(known), _shown(known.default), _readers(name)]
         for name, known in settings_of(HParams).items()])]
    return "\n\n".join(parts) + "\n"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |"
                     for line in lines)


def _values(known):
    if known.choices:
        return ", ".join(f"`{choice}`" for choice in known.choices())
    return known.expected


def _shown(default):
    if default in (None, ""):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _readers(name):
    """Returns the names of the networks that read a hyperparameter."""
    readers = [network for network in models.NETWORKS
               if name in TRAINING
               or not models.network_class(network).unused([name], HParams())]
    return "all" if len(readers) == len(models.NETWORKS) else ", ".join(readers)


FLAGS = pages.FLAGS
main = pages.command(page, TITLE, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
