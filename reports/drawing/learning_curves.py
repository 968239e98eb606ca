"""Learning curves: errors of several runs by minutes, losses and error of one run by steps."""

import itertools
import statistics

import numpy as np
from matplotlib import ticker
from matplotlib.lines import Line2D

from reports.drawing import figures

CURVES = {"Margin loss": lambda row: row["batch_classification_cost"],
          "Reconstruction loss": lambda row: row["reconstruction_error"],
          "Error (%)": lambda row: 100 * (1 - row["accuracy"])}
WINDOWS = 20    # parts of a training to average over; one batch is too small for small errors


def figure(rows):
    """Returns a figure with a colour for each row of Runs.

    Pale lines are of training, marks of evaluations, dotted lines across are the paper's errors.
    Where colours come again, marks are hollow.
    """
    picture = figures.new_figure(1000, 560)
    axis = picture.subplots()
    legend = [Line2D([], [], color="0.5", linewidth=1, label="training batches"),
              Line2D([], [], color="0.5", marker="o", markersize=5, label="evaluated images")]
    if any(row[0].paper for row in rows):
        legend.append(Line2D([], [], color="0.5", linestyle=":", label="paper"))
    for number, (row, (colour, marker, _)) in enumerate(
            zip(rows, itertools.cycle(figures.LINES))):
        inside = colour if number < len(figures.LINES) else "white"
        for run in row:
            axis.plot(*_windows(run.training), color=colour, alpha=0.6, linewidth=1)
            axis.plot(*zip(*run.evaluations), color=colour, marker=marker, markersize=5,
                      markerfacecolor=inside)
        if row[0].paper:
            axis.axhline(float(row[0].paper.split()[0]), color=colour, linestyle=":")
        error = statistics.mean(run.wrong_percent for run in row)
        label = f"{row[0].recipe or row[0].name}: {error:.2f} %"
        legend.append(Line2D([], [], color=colour, marker=marker, markerfacecolor=inside,
                             label=label))
    axis.set(xlabel="Minutes of training", ylabel="Error (%)", xscale="log")
    axis.set_yscale("log", nonpositive="mask")
    _mark(axis.xaxis, (1, 2, 5))
    _mark(axis.yaxis, (1, 2, 4, 6))
    axis.grid(True, which="both", color="0.9")
    picture.legend(handles=legend, loc="outside right upper")
    return picture


def of_run(training, evaluations=()):
    """Returns a figure of one run: its margin loss, reconstruction loss and error by steps.

    Args:
      training: list of dicts, the rows of the training's history.csv (`history.read_history`).
      evaluations: the same of the evaluation's.
    """
    picture = figures.new_figure(900, 290)
    for axis, (title, value) in zip(picture.subplots(1, 3), CURVES.items()):
        batches, evaluated = ([(row["step"], value(row)) for row in rows]
                              for rows in (training, evaluations))
        axis.plot(*zip(*batches), color=figures.SKY_BLUE, linewidth=0.7)
        axis.plot(*_windows(batches, min(WINDOWS, len(batches) // 2)), color=figures.BLUE,
                  linewidth=2.5, label="training batches, and their means")
        if evaluated:
            axis.plot(*zip(*evaluated), "D", color=figures.VERMILLION, label="evaluated images")
        axis.set(title=title, xlabel="training step")
        if any(height > 0 for _, height in batches):     # no decoder, no reconstruction loss
            axis.set_yscale("log", nonpositive="mask")
            _mark(axis.yaxis, (1, 2, 5))
        axis.grid(True, color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    picture.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2,
                   frameon=False)
    return picture


def _mark(side, steps):
    """Writes plain numbers at some multiples of the powers of ten of a logarithmic axis."""
    side.set_major_locator(ticker.LogLocator(subs=steps))
    side.set_major_formatter("{x:g}")
    side.set_minor_formatter(ticker.NullFormatter())


def _windows(curve, parts=WINDOWS):
    """Returns the means of equal parts of a curve, of one point or more: two arrays."""
    parts = np.array_split(np.reshape(curve, (-1, 2)), min(parts, len(curve)) or 1)
    return np.transpose([part.mean(axis=0) for part in parts if len(part)] or np.empty((0, 2)))
