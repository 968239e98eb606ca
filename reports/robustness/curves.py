"""The figure of robustness: a panel for each disturbance, a curve for each network."""

import itertools

from reports.drawing import figures
from reports.robustness.attacks import PGD_STEPS
from reports.robustness.measure import SCALES

TITLES = {"rotation": "Rotation, either way", "shift": "Shift up, down, left or right",
          "scale": "Scale", "noise": "Gaussian noise", "FGSM": "FGSM, one step",
          "PGD": f"PGD, {PGD_STEPS} small steps"}
LABELS = {"rotation": "angle (degrees)", "shift": "shift (pixels)", "scale": "scale factor",
          "noise": "standard deviation", "FGSM": "largest change of a pixel, ε",
          "PGD": "largest change of a pixel, ε"}


def figure(rows, num_classes):
    """Returns a figure of measure.Rows, in the order in which they were counted."""
    picture = figures.new_figure(1080, 760)
    picture.get_layout_engine().set(hspace=0.05)
    axes = picture.subplots(2, 3, sharey=True)
    guessing = 100 * (1 - 1 / num_classes)
    for kind, axis in zip(SCALES, axes.ravel()):
        axis.axhline(guessing, color="0.4", linestyle=(0, (1, 2)), linewidth=1.2)
        curves = itertools.groupby((row for row in rows if row.disturbance == kind),
                                   key=lambda row: row.network)
        for (name, points), (colour, marker, dashes) in zip(curves, figures.LINES):
            strengths, values = zip(*((row.strength, row.percents) for row in points))
            errors, low, high = zip(*values)
            axis.fill_between(strengths, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.plot(strengths, errors, color=colour, marker=marker, markersize=6,
                      linestyle=dashes, linewidth=2, label=name)
        axis.set_title(TITLES[kind], fontsize=13)
        axis.set_xlabel(LABELS[kind], fontsize=12)
        axis.tick_params(labelsize=11)
        axis.grid(color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("error (%)", fontsize=12)
    axes[0, 0].set_ylim(-2, 102)
    axes[0, 0].text(0, guessing - 1, "guessing", fontsize=10, color="0.4", va="top")
    picture.legend(handles=axes[0, 0].get_legend_handles_labels()[0], fontsize=12,
                   title=f"{rows[0].examples:,} images; bands: 95 % intervals", title_fontsize=11,
                   loc="outside lower center", ncols=len(figures.LINES), frameon=False)
    return picture
