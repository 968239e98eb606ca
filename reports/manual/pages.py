"""Commands that make a page of docs/: on the screen, or in its file, which they replace."""

import os
import pathlib

from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError, reason
from commands.whole_files import read_whole_text, whole_file

FLAGS = command_line.new_flags()
flags.DEFINE_string("page", None, "The Markdown file to write, or to write again. Without it: the "
                    "screen.", flag_values=FLAGS)
REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference"


def command(make, title, about):
    """Returns the main function of a command that makes a page.

    Args:
      make: function that returns the text of the page, whose links start from a folder.
      title: str, the page's first line, by which it is known.
      about: str, the command's --help.
    """
    def settings(given):
        if given.page == "":
            raise UsageError("--page: expected a file's name.")
        return given.page

    def run(path):
        if path is None:
            print(make(REFERENCE), end="")
        else:
            write(make, title, path)
            print(f"Wrote {path}.")

    return command_line.command(FLAGS, settings, run, about)


def write(make, title, path):
    """Writes a page; replaces an earlier one, and no other file.

    Raises:
      RunError: if the file is of another kind, or cannot be read or written.
    """
    try:
        if os.path.lexists(path) and not read_whole_text(path).startswith(title):
            raise RunError(f"--page: {path} is there already, and begins otherwise than the page.")
        text = make(os.path.dirname(os.path.abspath(path)))
        with whole_file(path, replace=True) as aside, open(aside, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, UnicodeError) as error:
        raise RunError(f"--page: {path} cannot be read or written ({reason(error)}).") from None
