"""Learning curves: errors in training and in evaluation, by minutes of training."""

import itertools
import statistics

import numpy as np
from matplotlib import ticker
from matplotlib.lines import Line2D

from reports.drawing import figures

WINDOWS = 20    # parts of a training to average over; one batch is too small for small errors


def figure(rows):
    """Returns a figure with a colour for each row of Runs.

    Thin lines are of training, marks of evaluations, dotted lines across are the paper's errors.
    Where colours come again, marks are hollow.
    """
    picture = figures.new_figure(1000, 560)
    axis = picture.subplots()
    legend = [Line2D([], [], color="0.5", linewidth=1, label="training batches"),
              Line2D([], [], color="0.5", marker="o", markersize=5, label="evaluated images"),
              Line2D([], [], color="0.5", linestyle=":", label="paper")]
    for number, (row, (colour, marker, dashes)) in enumerate(
            zip(rows, itertools.cycle(figures.LINES))):
        inside = colour if number < len(figures.LINES) else "white"
        for run in row:
            axis.plot(*_windows(run.training), color=colour, linestyle=dashes, linewidth=1)
            axis.plot(*zip(*run.evaluations), color=colour, marker=marker, markersize=5,
                      markerfacecolor=inside)
        if row[0].paper:
            axis.axhline(float(row[0].paper.split()[0]), color=colour, linestyle=":")
        error = statistics.mean(run.wrong_percent for run in row)
        label = f"{row[0].recipe or row[0].name}: {error:.2f} %"
        legend.append(Line2D([], [], color=colour, marker=marker, markerfacecolor=inside,
                             linestyle=dashes, label=label))
    axis.set(xlabel="Minutes of training", ylabel="Error (%)", xscale="log")
    axis.set_yscale("log", nonpositive="mask")
    for side, steps in ((axis.xaxis, (1, 2, 5)), (axis.yaxis, (1, 2, 4, 6))):
        side.set_major_locator(ticker.LogLocator(subs=steps))
        side.set_major_formatter("{x:g}")
        side.set_minor_formatter(ticker.NullFormatter())
    axis.grid(True, which="both", color="0.9")
    picture.legend(handles=legend, loc="outside right upper")
    return picture


def _windows(curve):
    """Returns the mean minutes and mean errors of equal parts of a curve: two arrays."""
    parts = np.array_split(np.reshape(curve, (-1, 2)), min(WINDOWS, len(curve)) or 1)
    return np.transpose([part.mean(axis=0) for part in parts if len(part)] or np.empty((0, 2)))
