"""A comparison as a figure, a CSV and a Markdown table."""

import csv
import os
import statistics

from commands.errors import RunError
from commands.whole_files import whole_file
from reports.drawing import figures

NAME = "comparison"
CAPSULES = "capsule"


def write(results, about, folder):
    """Writes comparison.png, comparison.csv and comparison.md; earlier ones are replaced.

    Args:
      results: list of comparison_runs.Result.
      about: dict with dataset, and numbers of examples trained on and held out.
      folder: str.

    Raises:
      RunError: if a file cannot be written.
    """
    try:
        for ending, write_to in ((".csv", _write_csv), (".md", _write_markdown),
                                 (".png", _draw)):
            with whole_file(os.path.join(folder, NAME + ending), replace=True) as aside:
                write_to(results, about, aside)
    except OSError as error:
        raise RunError(f"{folder}: the comparison cannot be written ({error}).") from None


def verdict(results):
    """Says in a sentence who is on top at the end, and by how much."""
    final = {result.name: statistics.mean(_final(result)) for result in results}
    if len(final) == 1:
        return f"{results[0].name} reads {results[0].examples} held-out images: " \
               f"{final[results[0].name]:.2f} % right."
    first, second = sorted(final, key=final.get, reverse=True)[:2]
    epochs = len(results[0].steps)
    if CAPSULES not in final or first == CAPSULES:
        subject, other = first, second
    else:
        subject, other = CAPSULES, first
    lead = final[subject] - final[other]
    subject_name = "the capsule network" if subject == CAPSULES else subject
    start = f"After {epochs} epoch{'s' if epochs > 1 else ''} {subject_name}"
    numbers = f"{final[subject]:.2f} % of the held-out images right, {other} {final[other]:.2f} %"
    if lead > 0:
        return f"{start} is on top, by {lead:.2f} points: {numbers}."
    if lead < 0:
        return f"{start} is not on top; it is {-lead:.2f} points below {other}: {numbers}."
    return f"{start} and {other} are level: {numbers}."


def _final(result):
    """Returns each seed's accuracy after the last epoch, in percent."""
    return [epochs[-1] for epochs in result.accuracies()]


def _write_csv(results, about, path):
    rows = [("network", "seed", "epoch", "step", "examples", "wrong", "accuracy_percent")]
    for result in results:
        for seed, (wrong, accuracies) in enumerate(zip(result.wrong, result.accuracies())):
            rows += [(result.name, seed, epoch, step, result.examples, count, f"{accuracy:.4f}")
                     for epoch, (step, count, accuracy)
                     in enumerate(zip(result.steps, wrong, accuracies), start=1)]
    with open(path, "w") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _write_markdown(results, about, path):
    lines = [
        f"# Networks compared on {about['dataset']}", "",
        f"Trained on {about['trained on']:,} images for {len(results[0].steps)} epochs, evaluated "
        f"after each on {about['held out']:,} held out; {_seeds(results)}; {os.cpu_count()} cores.",
        "", verdict(results), "",
        "| network | parameters | batch | shifts, pixels | hyperparameters | wall time | accuracy, "
        "% |", "| --- | ---: | ---: | ---: | --- | ---: | ---: |"]
    for result in results:
        final = _final(result)
        spread = f" ({min(final):.2f} to {max(final):.2f})" if len(final) > 1 else ""
        chosen = result.recipe
        shift = "the dataset's" if chosen["shift"] is None else chosen["shift"]
        lines.append(
            f"| {result.name} | {result.parameters:,} | {chosen['batch_size']} | {shift} | "
            f"{chosen['hparams'].replace(',', ', ')} | "
            f"{_duration(statistics.mean(result.seconds))} | "
            f"{statistics.mean(final):.2f}{spread} |")
    lines += ["", "Accuracy is after the last epoch, wall time that of one training.", "",
              f"![Validation accuracy by epoch]({NAME}.png)", ""]
    with open(path, "w") as file:
        file.write("\n".join(lines))


def _draw(results, about, path):
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 6.4), layout="constrained")
    axes = figure.subplots()
    for result, (colour, marker, line) in zip(results, figures.LINES):
        by_epoch = list(zip(*result.accuracies()))
        epochs = range(1, len(by_epoch) + 1)
        means = [statistics.mean(values) for values in by_epoch]
        axes.plot(epochs, means, color=colour, marker=marker, linestyle=line, linewidth=2,
                  label=f"{result.name}: {means[-1]:.1f} %, {_count(result.parameters)} "
                        f"parameters, {_duration(statistics.mean(result.seconds))}")
        if len(result.wrong) > 1:
            axes.fill_between(epochs, [min(values) for values in by_epoch],
                              [max(values) for values in by_epoch], color=colour, alpha=0.2,
                              linewidth=0)
    # First epochs far below everything would leave no room for what differs at the end.
    values = [value for result in results for run in result.accuracies() for value in run]
    lowest = min(min(_final(result)) for result in results)
    axes.set_ylim(bottom=max(min(values), lowest - 25) - 1, top=max(values) + 1)
    axes.set_title(f"{about['dataset']}: trained on {about['trained on']:,} images, evaluated on "
                   f"{about['held out']:,} held out, {_seeds(results)}", fontsize=12)
    axes.set_xlabel("Epoch", fontsize=12)
    bands = "; bands: lowest to highest" if len(results[0].wrong) > 1 else ""
    axes.set_ylabel(f"Validation accuracy (%){bands}", fontsize=12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="#DDDDDD")
    figure.legend(loc="outside lower center", fontsize=11)
    figure.savefig(path, format="png", dpi=100)


def _seeds(results):
    count = len(results[0].wrong)
    return "one seed" if count == 1 else f"{count} seeds"


def _count(number):
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def _duration(seconds):
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
