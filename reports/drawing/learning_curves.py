"""Learning curves: errors in training and in evaluation, by step."""

import itertools
import statistics

import numpy as np
from matplotlib import ticker
from matplotlib.lines import Line2D

from reports.drawing import figures

WINDOWS = 20    # parts of a training to average over; one batch is too small for small errors


def figure(rows):
    """Returns a figure with a colour for each row of Runs: lines of training, marks of tests."""
    picture = figures.new_figure(800, 480)
    axis = picture.subplots()
    legend = [Line2D([], [], color="0.5", linewidth=1, label="training batches"),
              Line2D([], [], color="0.5", marker="o", markersize=5, label="evaluated images")]
    for row, (colour, marker, dashes) in zip(rows, itertools.cycle(figures.LINES)):
        for run in row:
            axis.plot(*_windows(run.training), color=colour, linestyle=dashes, linewidth=1)
            axis.plot(*zip(*run.evaluations), color=colour, marker=marker, markersize=5)
        error = statistics.mean(run.wrong_percent for run in row)
        legend.append(Line2D([], [], color=colour, marker=marker, linestyle=dashes,
                             label=f"{row[0].name}: {error:.2f} %"))
    axis.set(xlabel="Step", ylabel="Error (%)")
    axis.set_yscale("log", nonpositive="mask")
    axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 4, 6)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(ticker.NullFormatter())
    axis.grid(True, which="both", color="0.9")
    axis.legend(handles=legend)
    return picture


def _windows(curve):
    """Returns the mean steps and mean errors of equal parts of a curve: two arrays."""
    parts = np.array_split(np.reshape(curve, (-1, 2)), min(WINDOWS, len(curve)) or 1)
    return np.transpose([part.mean(axis=0) for part in parts if len(part)] or np.empty((0, 2)))
