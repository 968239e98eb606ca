"""The outcome of a comparison as a figure, a CSV and a Markdown table."""

import csv
import dataclasses
import os
import statistics

import numpy as np

from commands.errors import RunError
from commands.whole_files import whole_file
from reports.drawing import figures


@dataclasses.dataclass(frozen=True)
class Result:
    """The outcome of a network."""

    name: str
    parameters: int
    settings: dict      # batch_size, shift and hparams
    steps: list         # int, the step at each epoch's end
    wrong: list         # by seed, lists by epoch of int
    examples: int       # how many were evaluated
    seconds: list       # by seed, wall time of the training

    def accuracies(self):
        """Returns percentages, float [seeds, epochs]."""
        return 100 * (1 - np.array(self.wrong) / self.examples)

    def final(self):
        """Returns the percentages after the last epoch, float [seeds]."""
        return self.accuracies()[:, -1]


def write(results, about, folder):
    """Writes Results as comparison.png, .csv and .md; about is `Comparison.about`."""
    try:
        for ending, write_to in ((".csv", _write_csv), (".md", _write_markdown),
                                 (".png", _draw)):
            with whole_file(os.path.join(folder, "comparison" + ending), replace=True) as aside:
                write_to(results, about, aside)
    except OSError as error:
        raise RunError(f"{folder}: the comparison cannot be written ({error}).") from None


def verdict(results):
    """Returns a sentence that says which network is best at the end, and by how much."""
    final = {result.name: result.final().mean() for result in results}
    if len(final) == 1:
        [(name, accuracy)] = final.items()
        return (f"{name} classifies {accuracy:.2f} % of {results[0].examples} held-out images "
                "correctly.")
    subject, other = sorted(final, key=final.get, reverse=True)[:2]
    if "capsule" in final and subject != "capsule":
        subject, other = "capsule", subject
    lead = final[subject] - final[other]
    epochs = len(results[0].steps)
    named = "the capsule network" if subject == "capsule" else subject
    start = f"After {epochs} epoch{'s' if epochs > 1 else ''} {named}"
    numbers = f"{final[subject]:.2f} % of the held-out images right, {other} {final[other]:.2f} %"
    if not lead:
        return f"{start} and {other} are level: {numbers}."
    place = (f"is on top, by {lead:.2f} points" if lead > 0 else
             f"is not on top; it is {-lead:.2f} points below {other}")
    return f"{start} {place}: {numbers}."


def _write_csv(results, about, path):
    with open(path, "w") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("network", "seed", "epoch", "step", "examples", "wrong",
                       "accuracy_percent"))
        for result in results:
            accuracies = result.accuracies()
            for (seed, epoch), wrong in np.ndenumerate(result.wrong):
                rows.writerow((result.name, seed, epoch + 1, result.steps[epoch], result.examples,
                               wrong, f"{accuracies[seed, epoch]:.4f}"))


def _write_markdown(results, about, path):
    lines = [
        f"# Networks compared on {about['dataset']}", "",
        f"Trained on {about['trained on']:,} images for {len(results[0].steps)} epochs, evaluated "
        f"after each on {about['held out']:,} held out; {_seeds(results)}; {os.cpu_count()} cores.",
        "", verdict(results), "",
        "| network | parameters | batch | shifts, pixels | hyperparameters | wall time | accuracy, "
        "% |", "| --- | ---: | ---: | ---: | --- | ---: | ---: |"]
    for result in results:
        final, settings = result.final(), result.settings
        spread = f" ({final.min():.2f} to {final.max():.2f})" if len(final) > 1 else ""
        shift = "the dataset's" if settings["shift"] is None else settings["shift"]
        lines.append(
            f"| {result.name} | {result.parameters:,} | {settings['batch_size']} | {shift} | "
            f"{settings['hparams'].replace(',', ', ')} | {_duration(result)} | "
            f"{final.mean():.2f}{spread} |")
    lines += ["", "Accuracy is after the last epoch, wall time that of one training.", "",
              "![Validation accuracy by epoch](comparison.png)", ""]
    with open(path, "w") as file:
        file.write("\n".join(lines))


def _draw(results, about, path):
    from matplotlib.ticker import MaxNLocator

    figure = figures.new_figure(900, 640)
    axes = figure.subplots()
    for result, (colour, marker, line) in zip(results, figures.LINES):
        accuracies = result.accuracies()
        epochs, means = range(1, len(result.steps) + 1), accuracies.mean(axis=0)
        axes.plot(epochs, means, color=colour, marker=marker, linestyle=line, linewidth=2,
                  label=f"{result.name}: {means[-1]:.1f} %, {_count(result.parameters)} "
                        f"parameters, {_duration(result)}")
        if len(accuracies) > 1:
            axes.fill_between(epochs, accuracies.min(axis=0), accuracies.max(axis=0),
                              color=colour, alpha=0.2, linewidth=0)
    # Very low first epochs would hide the differences at the end.
    values = np.concatenate([result.accuracies().ravel() for result in results])
    lowest = min(result.final().min() for result in results)
    axes.set_ylim(bottom=max(values.min(), lowest - 25) - 1, top=values.max() + 1)
    axes.set_title(f"{about['dataset']}: trained on {about['trained on']:,} images, evaluated on "
                   f"{about['held out']:,} held out, {_seeds(results)}", fontsize=12)
    axes.set_xlabel("Epoch", fontsize=12)
    bands = "; bands: lowest to highest" if len(results[0].wrong) > 1 else ""
    axes.set_ylabel(f"Validation accuracy (%){bands}", fontsize=12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="#DDDDDD")
    figure.legend(loc="outside lower center", fontsize=11)
    figure.savefig(path, format="png")


def _seeds(results):
    count = len(results[0].wrong)
    return "one seed" if count == 1 else f"{count} seeds"


def _count(number):
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def _duration(result):
    """Returns the mean wall time of a network's trainings, in words."""
    seconds = statistics.mean(result.seconds)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
