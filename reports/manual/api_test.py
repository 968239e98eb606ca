import inspect
import re
import sys

import pytest

import capsules
from reports.manual import api, pages


def documented():
    """Returns all that the page describes: {"name" or "class.method": value}."""
    found = {}
    for names in api.public_names().values():
        for name, value in names.items():
            found[name] = value
            if inspect.isclass(value):
                found |= {f"{name}.{method}": function
                          for method, function in api.methods(value).items()}
    return found


def test_the_page_is_what_the_command_writes():
    assert (pages.REFERENCE / "api.md").read_text() == api.page(pages.REFERENCE), (
        "out of date: python -m reports.manual.api --page=docs/reference/api.md")


def test_every_public_name_and_method_has_a_section():
    headings = re.findall(r"^###+ `(.+)`$", api.page("docs"), re.MULTILINE)
    assert sorted(headings) == sorted(documented())
    assert set(capsules.__all__) == {name for name in headings if "." not in name}
    assert "ClassCapsules.routing_steps" in headings and "Routing.__call__" in headings
    assert not {"ClassCapsules.call", "CapsNet.train_step", "CapsNet.fit", "DynamicRouting.steps",
                "ClassCapsules.get_config"} & set(headings)


@pytest.mark.parametrize("name", documented())
def test_every_argument_is_documented(name):
    value = documented()[name]
    sections = api.sections(value.__doc__)
    described = ", ".join(names for title in ("Args", "Attributes")
                          for names in api.items(sections.get(title, ""))).split(", ")
    assert [str(each).partition("=")[0] for each in api.parameters(value)
            if str(each).partition("=")[0] not in described] == []


def test_groups_follow_the_modules(monkeypatch):
    def halve(number):
        """Halves a number."""

    monkeypatch.setattr(halve, "__module__", "capsules.arithmetic")
    monkeypatch.setattr(capsules, "halve", halve, raising=False)
    monkeypatch.setattr(capsules, "__all__", ["halve", "norm", "ConvCapsules", "ClassCapsules"])
    assert {group: list(names) for group, names in api.public_names().items()} == {
        "Layers": ["ClassCapsules", "ConvCapsules"], "Operations": ["norm"],
        "Arithmetic": ["halve"]}


class Scale(capsules.Routing):
    """Multiplies, as `leaky_softmax` does not.

    Input: float [batch]. Output: the same.

        y = a x

    >>> Scale(2)(3)
    6

    Args:
      factor, offset: numbers
        of any kind.
      **kwargs: others.

    Raises:
      ValueError: for 0.
    """

    def __init__(self, factor, offset="none", **kwargs):
        self.factor = factor

    def steps(self, votes, biases):
        return votes

    def inverse(self):
        """Returns the inverse.

        Returns:
          Scale.
        """


def test_docstrings_become_markdown(monkeypatch):
    monkeypatch.setattr(Scale, "__module__", "capsules.routing.scale")
    monkeypatch.setitem(sys.modules, "capsules.routing.scale", sys.modules[__name__])
    monkeypatch.setattr(capsules, "Scale", Scale, raising=False)
    monkeypatch.setattr(capsules, "__all__", ["Scale", "leaky_softmax"])
    begin, end = "### `Scale`\n", "\n## Operations"
    page = api.page(pages.REFERENCE.parents[1])
    assert page[page.index(begin):page.index(end)] == '''### `Scale`

```python
Scale(factor, offset="none", **kwargs)
```

Multiplies, as [`leaky_softmax`](#leaky_softmax) does not.

**Input:** float [batch].

**Output:** the same.

    y = a x

```pycon
>>> Scale(2)(3)
6
```

**Args**

- `factor`, `offset`: numbers
  of any kind.
- `**kwargs`: others.

**Raises**

- `ValueError`: for 0.

Source: [`api_test.py`](reports/manual/api_test.py); a [`Routing`](capsules/routing/routing.py).

#### `Scale.inverse`

```python
inverse()
```

Returns the inverse.

**Returns:** Scale.
'''


def test_an_earlier_page_is_replaced_and_no_other_file(tmp_path, capsys):
    path = tmp_path / "page.md"
    assert api.main(["api", f"--page={path}"]) == 0
    text = path.read_text()
    path.write_text(text[:100])
    assert api.main(["api", f"--page={path}"]) == 0
    assert path.read_text() == text and text.startswith(api.TITLE)
    path.write_text("The user's.\n")
    capsys.readouterr()
    assert api.main(["api", f"--page={path}"]) == 2
    assert path.read_text() == "The user's.\n"
    assert "begins otherwise than the page" in capsys.readouterr().err
    assert api.main(["api", "--page="]) == 2
    assert api.main(["api", f"--page={tmp_path}/no/page.md"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["page.md"]
