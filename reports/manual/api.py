"""Writes a page on the library's public names, from their docstrings.

    python -m reports.manual.api
    python -m reports.manual.api --page=docs/reference/api.md

Names are grouped by the module of `capsules` that defines them. Of a class the page shows the
methods that it adds to Keras' own.
"""

import inspect
import itertools
import os
import re
import sys
import textwrap

from reports.manual import pages

LIBRARY = "capsules"
# Groups in the order of reading, by module; other modules follow under their own names.
GROUPS = {"capsnet": "Networks", "layers": "Layers", "routing": "Routing algorithms",
          "losses": "Losses", "metrics": "Metrics", "ops": "Operations"}
TITLE = "# The library `capsules`"
ABOUT = """Everything that `from capsules import NAME` offers. This page is made from docstrings by
`python -m reports.manual.api --page=docs/reference/api.md`."""
SIGNATURE_WIDTH = 96


def public_names():
    """Returns the library's public names by group: {group: {name: class or function}}."""
    import capsules

    def place(value):
        module = value.__module__.removeprefix(f"{LIBRARY}.")
        group = module.partition(".")[0]
        order = list(GROUPS).index(group) if group in GROUPS else len(GROUPS)
        return order, group, module, inspect.getsourcelines(value)[1]

    found = sorted((getattr(capsules, name) for name in capsules.__all__), key=place)
    return {GROUPS.get(group, group.capitalize()): {value.__name__: value for value in values}
            for group, values in itertools.groupby(found, key=lambda value: place(value)[1])}


def methods(cls):
    """Returns the public methods that a class defines, by name.

    Methods of Keras that it overrides are left out, and methods of the library's own classes
    that it overrides without a docstring.
    """
    others = [base for base in cls.__mro__[1:] if not _is_ours(base)]
    ours = [base for base in cls.__mro__[1:] if _is_ours(base)]

    def is_shown(name, value):
        value = getattr(value, "__func__", value)       # of a class method
        is_public = name == "__call__" or not name.startswith("_")
        is_new = not any(name in vars(base) for base in ours)
        return (inspect.isfunction(value) and is_public and (is_new or value.__doc__ is not None)
                and not any(name in vars(base) for base in others))

    return {name: getattr(cls, name) for name, value in vars(cls).items() if is_shown(name, value)}


def parameters(value):
    """Returns the inspect.Parameters of a function, or of a class's constructor."""
    if inspect.isclass(value):
        # Keras' classes hide the constructor's signature.
        value = next((base.__init__ for base in value.__mro__
                      if _is_ours(base) and "__init__" in vars(base)), value)
    return [parameter.replace(annotation=inspect.Parameter.empty)
            for name, parameter in inspect.signature(value).parameters.items()
            if name != "self" and parameter.kind is not inspect.Parameter.VAR_POSITIONAL]


def _is_ours(cls):
    return cls.__module__.partition(".")[0] == LIBRARY


def sections(docstring):
    """Returns a docstring's parts, {"": what comes before the sections, "Args": text, ...}."""
    text, *others = re.split(r"^(Args|Attributes|Returns|Raises):\n", inspect.cleandoc(docstring),
                             flags=re.MULTILINE)
    return {"": text, **{title: textwrap.dedent(body) for title, body in
                         zip(others[::2], others[1::2])}}


def items(section):
    """Returns the entries of a section Args, Attributes or Raises: {names: text}."""
    pairs = re.findall(r"^(\S[^:]*): (.*(?:\n .*)*)", section, re.MULTILINE)
    return {names: textwrap.dedent(re.sub(r"\n +", "\n", text)) for names, text in pairs}


def page(folder):
    """Returns the page, in Markdown: str.

    Args:
      folder: str, where the page will lie; links to files start there.
    """
    groups = public_names()
    known = {name for names in groups.values() for name in names}
    parts = [TITLE, ABOUT]
    for group, names in groups.items():
        parts += [f"**[{group}](#{_anchor(group)})**",
                  "\n".join(f"- [`{name}`](#{_anchor(name)}): {_summary(value)}"
                            for name, value in names.items())]
    for group, names in groups.items():
        parts.append(f"## {group}")
        for name, value in names.items():
            others = known - {name}
            parts += [f"### `{name}`", *_described(name, value, others),
                      f"Source: {_source_link(value, folder)}"]
            if inspect.isclass(value):
                parts[-1] += "".join(f"; a {base}" for base in _bases(value, known, folder)) + "."
                for method, function in methods(value).items():
                    parts += [f"#### `{name}.{method}`", *_described(method, function, others)]
    return "\n\n".join(parts) + "\n"


def _described(name, value, known):
    """Yields the signature and the sections of a docstring, in Markdown."""
    start = f"{name}("
    signature = f"{start}{', '.join(map(str, parameters(value)))})".replace("'", '"')
    lines = textwrap.wrap(signature, SIGNATURE_WIDTH, subsequent_indent=" " * len(start),
                          break_on_hyphens=False)
    yield "\n".join(["```python", *lines, "```"])
    for title, text in sections(value.__doc__).items():
        if not title:
            text = _prose(text)
        elif title == "Returns":
            text = f"**Returns:** {text}"
        else:
            text = f"**{title}**\n\n" + "\n".join(
                f"- {_in_code(names)}: " + textwrap.indent(meaning, "  ").lstrip()
                for names, meaning in items(text).items())
        yield _linked(text.strip(), known)


def _bases(cls, known, folder):
    """Yields the classes of the library and of Keras that a class is derived from, in Markdown."""
    for base in cls.__bases__:
        if base.__name__ in known:
            yield _linked(f"`{base.__name__}`", known)
        elif _is_ours(base):
            yield _source_link(base, folder, base.__name__)
        elif base.__module__.startswith("keras."):
            yield f"Keras `{base.__name__}`"


def _source_link(value, folder, name=None):
    path = os.path.relpath(inspect.getsourcefile(value), folder)
    return f"[`{name or os.path.basename(path)}`]({path})"


def _in_code(names):
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _prose(text):
    """Returns a docstring's text with its examples fenced, and what comes in and goes out bold."""
    text = re.sub(r"^>>> .*(?:\n.+)*", r"```pycon\n\g<0>\n```", text, flags=re.MULTILINE)
    text = re.sub(r"(?:^|(?<=\.) )(Input|Output):", r"\n\n**\1:**", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text)


def _linked(text, known):
    """Returns a text in which the public names in code are links to their sections."""
    def link(found):
        name = found[1].rpartition(".")[2]
        return f"[{found[0]}](#{_anchor(name)})" if name in known else found[0]

    return re.sub(r"`([\w.]+)`", link, text)


def _summary(value):
    return " ".join(value.__doc__.partition("\n\n")[0].split())


def _anchor(heading):
    return heading.lower().replace(" ", "-").replace(".", "")


FLAGS = pages.FLAGS
main = pages.command(page, TITLE, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
