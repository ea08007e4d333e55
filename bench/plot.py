"""The results as a picture: throughput of every case, and the ratio above it."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import Case, Results
from bench.servers import TASKYARD

COLUMNS = 4
COLOURS = {TASKYARD.name: "#0b7a75", "FastAPI, sync": "#c9a227", "FastAPI, async": "#b0413e"}


def draw(results: Results, path: Path) -> None:
    mpl.rcParams.update({"svg.hashsalt": "taskyard", "svg.fonttype": "none"})  # the same file for the same results
    cases = list(results)
    rows = -(-len(cases) // COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 3.6 * rows), layout="constrained")
    for index, (section, case) in enumerate(cases, start=1):
        _bars(figure.add_subplot(rows, COLUMNS, index), section, case)
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Axes, section: str, case: Case) -> None:
    names = list(case.samples)
    heights = [case.middle(name).per_s for name in names]
    bars = axes.bar(names, heights, color=[COLOURS[name] for name in names])
    axes.bar_label(bars, labels=[f"{height:,.0f}" for height in heights], fontsize=8)
    axes.set_title(f"{section}\n{case.title}\n{case.ratio:.2f} × the better FastAPI", fontsize=9)
    axes.set_ylabel("requests/s", fontsize=8)
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylim(0, max(heights) * 1.12)
    axes.spines[["top", "right"]].set_visible(False)
