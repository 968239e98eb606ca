"""Runs docs/tour.py as a notebook, and writes it with its outputs to docs/tour.ipynb.

    python -m reports.manual.tour
"""

import base64
import io
import os
import pathlib
import sys

from commands import command_line
from commands.errors import UsageError
from commands.whole_files import whole_file

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SOURCE, NOTEBOOK = DOCS / "tour.py", DOCS / "tour.ipynb"
CELL_SECONDS = 600
COLOURS = 256           # of the pictures in the notebook, for its size

FLAGS = command_line.new_flags()


def read(path):
    """Returns a script or a notebook as a notebook."""
    import jupytext

    return jupytext.read(path)


def _smaller(encoded):
    """Returns a PNG in base64 with few colours."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
            small, format="PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def _main(_):
    """Runs the tour in a kernel of this Python, and writes the notebook."""
    try:
        import ipykernel  # noqa: F401  (the kernel's process needs it)
        import nbformat
        from nbclient import NotebookClient
    except ImportError as error:
        raise UsageError(f"{error.name} is missing; make tour installs it.") from None

    notebook = read(SOURCE)
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"}}
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3",
                   resources={"metadata": {"path": str(DOCS)}}).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"          # the same each time
        cell.metadata = {}
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
    with whole_file(NOTEBOOK, replace=True) as aside:
        nbformat.write(notebook, aside)
    print(f"Wrote {NOTEBOOK}, {os.path.getsize(NOTEBOOK) / 1e3:.0f} kB.")


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, lambda values: values, _main, __doc__, tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
