"""The pages: links lead somewhere, commands are such that their own flags take them.

Commands are parsed and not run. Those of the how-tos are run, too: docs/how_tos_test.py.
"""

import ast
import functools
import importlib
import os
import pathlib
import re
import shlex
from unittest import mock

import pytest
from absl import flags

import input_data
import models
from input_data import command
from models.hparams import HParams, HParamsError
from training import run_flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")),
         *sorted(ROOT.glob("checkpoints/*/README.md"))]
SHELL = ("", "sh", "bash", "console")       # what a fence may say; boxes without one are indented
# Commands of others, `python -m NAME`: their flags are not looked at.
OTHERS = ("IPython", "ipykernel", "jupyter", "pip", "pytest", "tensorboard", "venv")
# [text](target), where the text may be a name in code; [text]: target; src="target".
LINK = re.compile(r'''(?:\[`(?P<name>[\w.]+)`)?\]\((?P<inline>[^()\s]+)\)
                  |^\[[^\]]+\]:[ ]*(?P<below>\S+)
                  |(?:src|href)="(?P<html>[^"]+)"''', re.MULTILINE | re.VERBOSE)
UNBALANCED = "(quotes that are not closed)"


class Page:
    """A page of Markdown, taken apart.

    Args:
      path: pathlib.Path.
      root: pathlib.Path, the project's folder, which links do not leave.

    Attributes:
      name: str, the path from the root.
      prose: str, the page with its code blocks blank, line for line.
      blocks: list of (kind, first line's number, text), the code blocks.
    """

    def __init__(self, path, root=ROOT):
        self.path, self.root = path, root
        self.name = path.relative_to(root).as_posix()
        prose, blocks = [], []
        fenced = indented = False
        before = ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = fenced
            if line.startswith("```"):
                if not fenced:
                    blocks.append((line[3:].strip(), number + 1, []))
                fenced, code, indented = not fenced, None, False
            elif not fenced:
                code = line.startswith("    ") and (indented or not before.strip())
                if code and not indented:
                    blocks.append(("", number, []))
                # A blank line does not end an indented block.
                indented = code or (indented and not line.strip())
            if blocks and (code or indented):
                blocks[-1][2].append(line if fenced else line[4:])
            prose.append("" if code or code is None else line)
            before = line
        self.prose = "\n".join(prose)
        self.blocks = [(kind, number, "\n".join(lines)) for kind, number, lines in blocks]

    def links(self):
        """Yields (line number, name in the link's text or None, target)."""
        text = re.sub(r"`[^`]+`", lambda span: re.sub(r"[\[\]()]", " ", span[0]), self.prose)
        for found in LINK.finditer(text):
            target = found["inline"] or found["below"] or found["html"]
            yield line_of(text, found.start()), found["name"], target

    @functools.cached_property
    def anchors(self):
        """The names of the page's sections, as GitHub makes them of the headings."""
        anchors = []
        for heading in re.findall(r"^#{1,6} +(.*?)[ #]*$", self.prose, re.MULTILINE):
            text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            taken = sum(re.fullmatch(re.escape(slug) + r"(-\d+)?", other) is not None
                        for other in anchors)
            anchors.append(f"{slug}-{taken}" if slug in anchors else slug)
        return anchors

    def commands(self):
        """Yields (line number, folder they are given in, words) of the shell's commands.

        Besides those of the code blocks, these are the pieces of code in the text that begin
        with `python ` or `make `.
        """
        for found in re.finditer(r"`((?:\S*/)?(?:python|make)\s[^`]+)`", self.prose):
            line = " ".join(found[1].split())
            yield from shell_commands(line_of(self.prose, found.start()), line)
        for kind, number, text in self.blocks:
            if kind in SHELL:
                yield from shell_commands(number, text)

    def made_files(self):
        """Returns the names of the files that the reader makes of the page's boxes."""
        return re.findall(r"^# (\S+\.py)$", self._python(), re.MULTILINE)

    def registered(self):
        """Returns the lines that the reader adds to registries: [(registry, name, place)]."""
        found = re.findall(r'^"([\w:]+)": "(input_data|models)(\.[\w.:]+)",$', self._python(),
                           re.MULTILINE)
        registries = {"input_data": input_data.READERS, "models": models.NETWORKS}
        return [(registries[room], name, room + place) for name, room, place in found]

    def _python(self):
        return "\n".join(text for kind, _, text in self.blocks if kind == "python")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def shell_commands(number, text):
    """Yields (line number, folder, words) of some lines of a shell.

    Variables have the value that the lines give them, in a loop the first, and else 1.
    """
    variables, folder = {}, ""
    for part in re.split(r"(?<!\\)\n", text):
        first, number = number, number + part.count("\n") + 1
        line = part.replace("\\\n", " ").removeprefix("$ ")
        line = re.sub(r"\$\([^)]*\)", "1", line)
        line = re.sub(r"(?<!\S)[\d&]?>>?\s*[^\s;&|]+", "", line)    # where output goes
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            line = list(lexer)
        except ValueError:
            if re.match(r"\s*(\S*/)?(python|make)\b", line):
                yield first, folder, [UNBALANCED, line]
            continue            # else an apostrophe: no command
        comment = next((at for at, word in enumerate(line) if word.startswith("#")), None)
        for words in split(line[:comment]):
            while words and (words[0] in ("do", "then", "else", "export", "time")
                             or re.match(r"\w+=", words[0])):
                name, _, value = words.pop(0).partition("=")
                variables[name] = value
            if words[:1] == ["for"] and len(words) > 3:
                variables[words[1]] = words[3]
                continue
            words = [re.sub(r"\$\{?(\w+)\}?", lambda found: variables.get(found[1], "1"), word)
                     for word in words]
            if words[:1] == ["cd"]:
                folder = os.path.normpath(os.path.join(folder, *words[1:]))
            elif words:
                yield first, folder, words


def split(words):
    """Yields the lists of words between the shell's separators."""
    start = 0
    for at, word in enumerate([*words, ";"]):
        if set(word) <= set(";&|"):
            yield words[start:at]
            start = at + 1


def dead_links(page):
    """Returns what is wrong with the links of a page: a list of lines."""
    problems = []
    for number, name, target in page.links():
        if reason := _dead(page, name, target):
            problems.append(f"{page.name}:{number}: {target}: {reason}")
    return problems


def _dead(page, name, target):
    if re.match(r"[a-z]+:", target):
        return None                     # an address elsewhere
    file, _, anchor = target.partition("#")
    path = pathlib.Path(os.path.normpath(page.path.parent / file)) if file else page.path
    if not path.is_relative_to(page.root):
        return "leaves the project"
    if not path.exists():
        return "there is no such file"
    if anchor:
        if path.suffix != ".md":
            return "only pages have sections"
        if anchor not in (known := Page(path, page.root).anchors):
            return f"there is no such section, only {', '.join(known)}"
    if name and path.suffix == ".py" and name not in (path.name, *definitions(path)):
        return f"{name} is not defined there"
    return None


@functools.cache
def definitions(path):
    """Returns the names that a module defines; those in a class as Class.name."""
    def names(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield prefix + node.name
                if isinstance(node, ast.ClassDef):
                    yield from names(node.body, f"{prefix}{node.name}.")
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                if isinstance(target, ast.Name):
                    yield prefix + target.id
    return set(names(ast.parse(path.read_text()).body))


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
        if file in made_files:
            return None
    path = ROOT / file
    if not path.is_file():
        return f"there is no {file}"
    if "__main__" not in (source := path.read_text()):
        return f"{file} is not a command"
    if file == "experiment.py":
        # Afresh, as its flags know the networks that there were when they were defined.
        values = run_flags.define()
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
        if "image_size" in values:
            command.image_size(values["image_size"].value)
        return None
    except (flags.Error, HParamsError, command.UsageError) as error:
        return str(error)
    finally:
        values.unparse_flags()


def _wrong_targets(arguments):
    targets = re.findall(r"^([\w-]+)\s*:(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wrong = [word for word in arguments
             if not re.match(r"-|\w+=", word) and word not in targets]
    return f"there is no target {', '.join(wrong)}" if wrong else None


def unreached(paths):
    """Returns the names of the pages to which no links lead from README.md, the first of them."""
    reached, left = set(), [paths[0]]
    while left:
        path = left.pop()
        if path not in reached:
            reached.add(path)
            targets = (target.partition("#")[0]
                       for _, _, target in Page(path, paths[0].parent).links())
            left += [found for target in targets
                     if (found := (path.parent / target).resolve()) in paths]
    return [path.name for path in paths if path not in reached]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    assert dead_links(Page(path)) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_have_the_flags_that_there_are(path):
    assert wrong_commands(Page(path)) == []


def test_every_page_is_reached_from_the_readme():
    assert unreached(PAGES) == []


def test_there_is_something_to_look_at():
    readme = Page(ROOT / "README.md")
    programs = [words[0] for _, _, words in readme.commands()]
    assert len(list(readme.links())) > 20 and programs.count("python") > 30


@pytest.fixture
def page_of(tmp_path):
    """Returns a function that makes a Page of a text, beside a page `other.md`."""
    def make(text):
        (tmp_path / "other.md").write_text("# One\n\n## Two `words`, or 3\n\n## One\n")
        (tmp_path / "code.py").write_text("class Known:\n    def method(self): ...\n")
        (tmp_path / "page.md").write_text(text)
        return Page(tmp_path / "page.md", tmp_path)
    return make


@pytest.mark.parametrize("text, reason", [
    ("# A\n\n[here](nowhere.md)", "page.md:3: nowhere.md: there is no such file"),
    ("![picture](nothing.png)", "page.md:1: nothing.png: there is no such file"),
    ("[a](other.md#three)", "page.md:1: other.md#three: there is no such section, only one, "
     "two-words-or-3, one-1"),
    ("# A\n[a\nb](#b)", "page.md:3: #b: there is no such section, only a"),
    ("[a](../../x.md)", "page.md:1: ../../x.md: leaves the project"),
    ("[a](code.py#L1)", "page.md:1: code.py#L1: only pages have sections"),
    ("[`Unknown`](code.py)", "page.md:1: code.py: Unknown is not defined there"),
    ("[a]\n\n[a]: nowhere.md", "page.md:3: nowhere.md: there is no such file"),
])
def test_dead_links_are_found(page_of, text, reason):
    assert dead_links(page_of(text)) == [reason]


def test_links_that_lead_somewhere(page_of):
    assert dead_links(page_of(
        "# Here\n\n[1](other.md), [2](other.md#two-words-or-3), [3](other.md#one-1), [4](#here), "
        "[5](https://nowhere.example/), [`Known.method`](code.py), [`code.py`](code.py), "
        "`[6](no link)`\n\n    [7](code)\n\n```\n[8](code)\n```\n")) == []


def test_pages_without_a_way_to_them_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    texts = {"README.md": "[a](docs/a.md#one)", "docs/a.md": "[b](b.md), [a](../README.md)",
             "docs/b.md": "", "docs/c.md": "[b](b.md)"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert unreached([tmp_path.resolve() / name for name in texts]) == ["c.md"]


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
def test_wrong_commands_are_found(page_of, text, line, reason):
    problem, = wrong_commands(page_of(text))
    assert problem.startswith(f"page.md:{line}: ") and reason in problem


def test_commands_that_can_be_given(page_of):
    page = page_of("""Text
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
