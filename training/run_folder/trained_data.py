"""What a run was trained on, in dataset.json, and whether other data are of the same kind."""

import dataclasses
import os

from commands.errors import RunError
from training.run_folder import contents


def write(folder, data):
    """Writes what a training's Dataset is into its folder."""
    contents.write(folder, contents.DATASET, {**dataclasses.asdict(data.info),
                                              "kind": data.kind})


def read(folder):
    """Returns what `write` wrote, or an empty dict.

    Raises:
      RunError: if the file is damaged.
    """
    data = contents.read(folder, contents.DATASET) or {}
    for name, value in data.items():
        if name == "class_names":
            fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
        elif name in ("name", "kind"):
            fits = isinstance(value, str)
        else:
            fits = (type(value) is int and value >= 0) or (name == "num_examples" and value is None)
        if not fits:
            raise RunError(f"{os.path.join(folder, contents.DATASET)}: {name} cannot be "
                           f"{str(value)[:50]!r}; mend the file or move it away.")
    return data


def check(run, data, resuming=False, skip_broken=False):
    """Checks that data fit a run: of the same size and classes and, to resume, the same data.

    Args:
      run: StoredRun; without data of its own, all fit.
      data: Dataset.
      resuming: whether the training goes on with the data.
      skip_broken: whether files that cannot be read are left out; there may be fewer then.

    Raises:
      RunError: if the data do not fit.
    """
    info, trained = data.info, run.data
    size, found = ("x".join(map(str, sizes)) for sizes in zip(*(
        (trained.get(name, getattr(info, name)), getattr(info, name))
        for name in ("height", "width", "depth"))))
    if size != found:
        raise RunError(f"{run.where}: trained on images of {size}, found {found}; expected the "
                       f"same, by --image_size={size} where the dataset has that flag.")
    before, now = trained.get("class_names", list(info.class_names)), list(info.class_names)
    if before != now:
        at = next((number for number, pair in enumerate(zip(before, now)) if pair[0] != pair[1]),
                  min(len(before), len(now)))
        names = [(*names[at:at + 1], "none")[0] for names in (before, now)]
        raise RunError(f"{run.where}: trained on {len(before)} classes, found {len(now)}; number "
                       f"{at} was {names[0]}, found {names[1]}; expected the same.")
    if resuming:
        before = trained.get("num_examples", info.num_examples), trained.get("kind", data.kind)
        now = info.num_examples, data.kind
        fewer = skip_broken and before[0] >= now[0] and before[1] == now[1]
        if before != now and not fewer:
            raise RunError(f"{run.where}: trained on {_counted(*before)}, found {_counted(*now)} "
                           f"in {data.source}; a run resumes with its own data.")


def _counted(examples, kind):
    return f"{examples} examples{kind and ' of ' + kind}"
