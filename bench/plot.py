"""Draws the charts of a run as one image."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from bench.shapes import Chart

mpl.use("Agg")


def draw(charts: Sequence[Chart], file: Path) -> None:
    heights = [0.9 + 0.33 * len(chart.bars) for chart in charts]
    figure, panels = plt.subplots(
        len(charts), figsize=(9, sum(heights)), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for panel, chart in zip(panels[:, 0], charts, strict=True):
        names = list(chart.bars)[::-1]
        bars = panel.barh(names, [chart.bars[name] for name in names], color="#3b6ea8")
        panel.bar_label(bars, fmt=lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.1f}", padding=4)
        panel.set_title(f"{chart.title} ({chart.unit})", loc="left", fontsize=11)
        panel.margins(x=0.12)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.set_xticks([])
    figure.savefig(file, dpi=110)
    plt.close(figure)
