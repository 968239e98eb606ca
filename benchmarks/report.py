"""Reports of benchmarks and stress tests, as Markdown for people and as JSON for programs."""

import json
import os
import shlex

from commands.errors import UsageError, check_path
from commands.whole_files import whole_file

MARKDOWN, JSON = "report.md", "report.json"
HEADING, KIND = "# Benchmark: ", '{\n  "benchmark": '


def check_folder(folder):
    """Raises UsageError if reports cannot be written, or would replace other files."""
    check_path("--output", folder)
    try:
        os.makedirs(folder, exist_ok=True)
        for name, start in ((MARKDOWN, HEADING), (JSON, KIND)):
            path = os.path.join(folder, name)
            if os.path.lexists(path):
                with open(path, errors="replace") as file:
                    if not file.read(len(start)) == start:
                        raise UsageError(f"--output: {path} is there and is not a benchmark's "
                                         "report; move it away or name another folder.")
    except OSError as error:
        raise UsageError(f"--output: {folder} cannot be used ({error.strerror}).") from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--output: {folder} cannot be written to.")


def prepare(values):
    """Checks the flag --output, and passes --threads on to TensorFlow, here and in workers."""
    check_folder(values.output)
    if values.threads:
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[name] = str(values.threads)
    return values


def write(folder, title, sections, values):
    """Writes both reports, replacing earlier ones, and returns the Markdown.

    Args:
      folder: str, checked by `check_folder`.
      title: str, the benchmark.
      sections: list of str, Markdown.
      values: dict for the JSON.
    """
    markdown = "\n\n".join([f"{HEADING}{title}", *sections]) + "\n"
    texts = {MARKDOWN: markdown,
             JSON: json.dumps({"benchmark": title, **values}, indent=2) + "\n"}
    for name, text in texts.items():
        path = os.path.join(folder, name)
        with whole_file(path, replace=True) as aside, open(aside, "w") as file:
            file.write(text)
    return markdown


def table(header, rows):
    """Returns a Markdown table.

    Args:
      header: list of str; a leading ">" aligns a column to the right.
      rows: list of lists of str.
    """
    lines = [[name.removeprefix(">") for name in header],
             ["---:" if name.startswith(">") else "---" for name in header], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def invocation(module, argv):
    """Returns the words of the command that runs a module with arguments, a list of str."""
    return ["python", "-m", module, *map(shlex.quote, argv[1:])]


def machine(facts, command):
    """Returns the section with the command, list of str, and the machine's facts, dict of str."""
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join([f"    {' '.join(command)}", "", *lines])
