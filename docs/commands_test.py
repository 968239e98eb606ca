"""Commands of the pages are such that their own flags take them.

They are parsed and not run. Those of the how-tos are run, too: docs/how_tos_test.py.
"""

import importlib
import os
import re
from unittest import mock

import pytest
from absl import flags

import input_data
import models
from commands.errors import UserError
from docs.pages import PAGES, ROOT, UNBALANCED, Page, example
from models.hparams import HParams
from training import config

# Commands of others, `python -m NAME`: their flags are not looked at.
OTHERS = ("IPython", "ipykernel", "jupyter", "pip", "pytest", "tensorboard", "venv")


def wrong_commands(page):
    """Returns what is wrong with the commands of a page: a list of lines."""
    problems = []
    with mock.patch.dict(input_data.READERS), mock.patch.dict(models.NETWORKS):
        for registry, name, place in page.registered():
            registry[name] = place
        for number, folder, words in page.commands():
            if reason := _wrong(folder, words, page.made_files()):
                problems.append(f"{page.name}:{number}: {' '.join(words)}: {reason}")
    return problems


def _wrong(folder, words, made_files):
    program, *arguments = os.path.basename(words[0]), *words[1:]
    if program == UNBALANCED:
        return "quotes are not closed"
    if program == "make":
        return _wrong_targets(arguments)
    if program not in ("python", "python3") or not arguments or arguments[0] == "-c":
        return None
    if arguments[0] == "-m":
        name, *arguments = arguments[1:]
        if name.partition(".")[0] in OTHERS:
            return None
        file = name.replace(".", "/") + ".py"
    else:
        file = os.path.normpath(os.path.join(folder, arguments.pop(0)))
        if file in made_files or (file.startswith("docs/examples/") and (ROOT / file).is_file()):
            return None
    path = ROOT / file
    if (path.with_suffix("") / "__main__.py").is_file():        # a package that is a command
        path = path.with_suffix("") / "__main__.py"
        file = path.relative_to(ROOT).as_posix()
    if not path.is_file():
        return f"there is no {file}"
    if "__main__" not in (source := path.read_text()):
        return f"{file} is not a command"
    if file == "experiment.py":
        # Afresh, as its flags know the networks that there were when they were defined.
        values = config.new_flags()
    else:
        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        values = getattr(module, "FLAGS", None) or flags.FlagValues()
    return _wrong_flags(values, arguments, "takes_arguments=True" in source)


def _wrong_flags(values, arguments, takes_others):
    values.unparse_flags()
    try:
        others = values(["command", *arguments])[1:]
        if others and not takes_others:
            return f"unexpected argument {others[0]!r}"
        if "hparams_override" in values:
            HParams().override(values["hparams_override"].value)
        for name, known in config.SETTINGS.items():
            if name in values and (problem := known.problem(values[name].value)):
                return problem
        return None
    except (flags.Error, UserError) as error:
        return str(error)
    finally:
        values.unparse_flags()


def _wrong_targets(arguments):
    targets = re.findall(r"^([\w-]+)\s*:(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wrong = [word for word in arguments
             if not re.match(r"-|\w+=", word) and word not in targets]
    return f"there is no target {', '.join(wrong)}" if wrong else None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_have_the_flags_that_there_are(path):
    assert wrong_commands(Page(path)) == []


def test_there_is_something_to_look_at():
    programs = [words[0] for _, _, words in Page(ROOT / "README.md").commands()]
    assert programs.count("python") > 8


@pytest.mark.parametrize("text, line, reason", [
    ("    python experiment.py --sumary_dir=x", 1, "Unknown command line flag 'sumary_dir'"),
    ("```sh\nmake test\npython experiment.py \\\n    --model=none\n```", 3, "should be one of"),
    ("    python experiment.py --seed=x", 1, "invalid literal"),
    ("    python experiment.py --dataset=none", 1, "expected one of mnist"),
    ("    python experiment.py --hparams_override=routes=1", 1, "'routes': expected one of"),
    ("    python experiment.py --image_size=8", 1, "expected HxW"),
    ("    python experiment.py max_steps=1", 1, "unexpected argument 'max_steps=1'"),
    ("    python -m reports.compare --epoch=1", 1, "Unknown command line flag 'epoch'"),
    ("    .venv/bin/python -m reports.unknown", 1, "there is no reports/unknown.py"),
    ("    python -m capsules.ops", 1, "capsules/ops.py is not a command"),
    ("    python mnist_shift.py --shift=6", 1, "there is no mnist_shift.py"),
    ("    cd input_data/mnist\n    python mnist_shift.py --shifts=6", 2, "flag 'shifts'"),
    ("    python layers_test.py --fast", 1, "Unknown command line flag 'fast'"),
    ("    for i in a b; do\n      python experiment.py --seed=$i\n    done", 2, "invalid literal"),
    ("    make install nothing", 1, "there is no target nothing"),
    ("Then `make nothing`, and so on.", 1, "there is no target nothing"),
    ("    python experiment.py --summary_dir='x", 1, "quotes are not closed"),
])
def test_wrong_commands_are_found(tmp_path, text, line, reason):
    problem, = wrong_commands(example(tmp_path, text))
    assert problem.startswith(f"page.md:{line}: ") and reason in problem


def test_commands_that_can_be_given(tmp_path):
    page = example(tmp_path, """Text
    python experiment.py --of=a paragraph

    export DATA_DIR=/data
    python experiment.py --data_dir=$DATA_DIR/mnist_data/ \\
        --novalidate --max_steps=10  # --no flag of it
    for i in 0 1 2; do python experiment.py --seed=$i --summary_dir=/tmp/$i > log; done
    cd input_data/mnist && python mnist_shift.py --shift=6
    cd ../..; nothing --at=all | python -m reports.predict --checkpoint=x-{} 1.png 2.png
    python -m tensorboard.main --logdir=x
    make PYTHON=python3.12 -j2 install test
    it doesn't matter

```python
# made.py
"own": "models.own:Own",
```

```sh
python made.py --any
python experiment.py --model=own
```
""")
    assert wrong_commands(page) == [] and len(list(page.commands())) == 10
    assert "own" not in models.NETWORKS
