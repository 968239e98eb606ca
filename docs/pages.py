"""Pages of Markdown, taken apart: links, sections, boxes of code and the shell's commands."""

import functools
import os
import pathlib
import re
import shlex

import input_data
import models

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md",
         *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("capsules/pretrained/*/README.md"))]
SHELL = ("", "sh", "bash", "console")       # what a fence may say; boxes without one are indented
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


def example(folder, text):
    """Returns a Page of a text in a folder, a pathlib.Path, beside a page and a module."""
    (folder / "other.md").write_text("# One\n\n## Two `words`, or 3\n\n## One\n")
    (folder / "code.py").write_text("class Known:\n    def method(self): ...\n")
    (folder / "page.md").write_text(text)
    return Page(folder / "page.md", folder)
