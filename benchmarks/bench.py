"""Measures the project's speed and memory against a plain implementation, side by side.

    python -m benchmarks.bench
    python -m benchmarks.bench --rows=training,evaluation --steps=20 --output=runs/training

Each contestant is a process of its own; they take turns, one step each. The first three steps do
not count. The report is printed and left in --output, as report.md and report.json.
"""

import dataclasses
import sys

from absl import flags

from benchmarks import machine, report
from benchmarks.contest import WorkerError, quartiles
from benchmarks.findings import STANDARD_BATCH, WORK, Findings, Row, Settings
from benchmarks.networks import INFOS
from commands import command_line
from commands.errors import UsageError

FAILED = 1

FLAGS = command_line.new_flags()
flags.DEFINE_list("networks", ["mnist"], f"Networks to measure training and evaluation of: "
                  f"{', '.join(INFOS)}.", flag_values=FLAGS)
flags.DEFINE_list("rows", list(WORK), f"Rows of the table, of {', '.join(WORK)}.",
                  flag_values=FLAGS)
flags.DEFINE_integer("batch_size", STANDARD_BATCH, "Images in a batch of training.", lower_bound=1,
                     flag_values=FLAGS)
flags.DEFINE_integer("steps", 10, "Steps of each contestant that count.", lower_bound=1,
                     flag_values=FLAGS)
flags.DEFINE_integer("threads", 0, "TensorFlow's threads; 0 leaves them to TensorFlow.",
                     lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/bench", "Folder of the report; an earlier one is replaced.",
                    flag_values=FLAGS)


def bench(settings, folder, invocation):
    """Measures, prints and writes the report; returns an exit status, None for 0."""
    from benchmarks.measurements import measurements

    found = Findings([])
    for names, network, measure in measurements(settings):
        if not set(names) & set(settings.rows):
            continue
        print(f"Measuring: {', '.join(names)} {network}", file=sys.stderr)
        try:
            found = found.plus(measure())
        except WorkerError as error:
            print(error, file=sys.stderr)
            found = found.plus(Findings([Row(name, network, note=str(error)) for name in names]))
    found = dataclasses.replace(found, rows=[row for row in found.rows
                                             if row.name in settings.rows])
    facts = machine.facts(settings.threads)
    if found.gpu:
        facts["GPU"] = found.gpu
    print(report.write(folder, "speed and memory against a plain implementation",
                       _sections(facts, invocation, settings, found), {
        "command": invocation, "machine": facts, "settings": dataclasses.asdict(settings),
        "rows": [dataclasses.asdict(row) for row in found.rows],
        "timings": {name: dataclasses.asdict(timing)
                    for name, timing in found.timings.items()}}))
    return FAILED if any(row.value is None for row in found.rows) else None


def _sections(facts, invocation, settings, found):
    """Returns the report's parts as Markdown."""
    return [
        report.machine(facts, invocation),
        f"Medians of {settings.steps} steps, with quartiles; contestants take turns.",
        report.table(["row", "network", "work", ">measured", ">quartiles", "behind it"],
                     [_cells(row) for row in found.rows]),
        "## Timings",
        report.table(["what", ">median, s", ">quartiles, s", ">items a second", ">peak memory, GB"],
                     [_timing_cells(name, timing) for name, timing in found.timings.items()])]


def _cells(row):
    work, unit = WORK[row.name]
    return [row.name, row.network, work,
            "not measured" if row.value is None else f"{row.value:.3g}{unit}",
            "" if row.low is None else f"{row.low:.3g} to {row.high:.3g}", row.note]


def _timing_cells(name, timing):
    low, high = quartiles(timing.seconds)
    return [name, f"{timing.median:.4g}", f"{low:.4g} to {high:.4g}", f"{timing.rate:.4g}",
            "" if timing.memory is None else f"{timing.memory / 1e9:.2f}"]


def _settings(flag_values):
    for name, choices in (("networks", INFOS), ("rows", WORK)):
        for value in flag_values[name].value:
            if value not in choices:
                raise UsageError(f"--{name}: expected {', '.join(choices)}, "
                                 f"found {value!r}.")
    report.prepare(flag_values)
    return Settings(tuple(flag_values.networks), tuple(flag_values.rows), flag_values.batch_size,
                    flag_values.steps, flag_values.threads)


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("benchmarks.bench", argv)
    return command_line.run(argv, FLAGS, _settings,
                            lambda settings: bench(settings, FLAGS.output, line), __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
