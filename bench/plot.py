"""The results as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import Case, Results
from bench.servers import TASKYARD

COLUMNS = 4
BESIDE = 2  # panels whose bars have long names
OURS, GREY = "#0b7a75", "#9aa5b1"
COLOURS = {TASKYARD.name: OURS, "FastAPI, sync": "#c9a227", "FastAPI, async": "#b0413e"}
Line = tuple[Sequence[float], Sequence[float]]


def cases(results: Results, path: Path) -> None:
    """Throughput of every case, and the ratio above it."""
    found = list(results)
    rows = -(-len(found) // COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 3.6 * rows), layout="constrained")
    for index, (section, case) in enumerate(found, start=1):
        _bars(figure.add_subplot(rows, COLUMNS, index), section, case, f"{results.item}s/s")
    _save(figure, path)


def _bars(axes: Axes, section: str, case: Case, unit: str) -> None:
    names = list(case.samples)
    heights = [case.middle(name).per_s for name in names]
    bars = axes.bar(names, heights, color=[COLOURS[name] for name in names])
    axes.bar_label(bars, labels=[f"{height:,.0f}" for height in heights], fontsize=8)
    told = f"{case.ratio:.2f} × the better FastAPI" if case.contested else ""
    axes.set_title(f"{section}\n{case.title}\n{told}", fontsize=9)
    axes.set_ylabel(unit, fontsize=8)
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylim(0, max(heights) * 1.12)
    axes.spines[["top", "right"]].set_visible(False)


def ranking(panels: Mapping[str, Mapping[str, float]], unit: str, path: Path) -> None:
    """A panel per title: who reached how much, one above the other; what begins with Taskyard stands out."""
    rows = -(-len(panels) // BESIDE)
    height = 1.2 + 0.2 * max(len(found) for found in panels.values())
    figure = Figure(figsize=(13, height * rows), layout="constrained")
    for index, (title, found) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, BESIDE, index)
        names = sorted(found, key=lambda name: found[name])
        bars = axes.barh(
            names, [found[n] for n in names], color=[OURS if n.startswith("Taskyard") else GREY for n in names]
        )
        axes.bar_label(bars, labels=[f"{found[name]:,.0f}" for name in names], fontsize=8, padding=2)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(unit, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.set_xlim(0, max(found.values()) * 1.2)
        axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def lines(panels: Mapping[str, Mapping[str, Line]], labels: tuple[str, str], path: Path, *, log: bool = False) -> None:
    """A panel per title, with a line for each name; the labels are those of the axes."""
    figure = Figure(figsize=(5.2 * len(panels), 3.8), layout="constrained")
    for index, (title, found) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), index)
        for name, (xs, ys) in found.items():
            axes.plot(xs, ys, label=name, linewidth=1.4)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(labels[0], fontsize=8)
        axes.set_ylabel(labels[1], fontsize=8)
        axes.tick_params(labelsize=8)
        axes.set_ylim(bottom=0)
        if log:
            axes.set_xscale("log")
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    mpl.rcParams.update({"svg.hashsalt": "taskyard", "svg.fonttype": "none"})  # the same file for the same results
    figure.savefig(path, metadata={"Date": None})
