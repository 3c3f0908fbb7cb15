"""Write measurements as lines of a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from processes import ProcessCount, summarize
from timing import Group, Ratio


def is_over(group: Group, ratio: Ratio) -> bool:
    """Tell whether a ratio is known, has to be met by now, and is not."""
    value = group.compare(ratio)
    return value is not None and ratio.budget is not None and value > ratio.budget


def format_group(group: Group) -> list[str]:
    """Write a group as lines of the table: times in milliseconds, then the ratios."""
    head = f"{'min':>10}{'median':>10}{'max':>10}{'rounds':>8}"
    lines = [f"{group.title:<44}{head}"]
    for command in group.commands:
        times = group.samples[command.label]
        if not times:
            continue
        low, high = min(times) / 1e6, max(times) / 1e6
        middle = statistics.median(times) / 1e6
        row = f"{low:10.2f}{middle:10.2f}{high:10.2f}{len(times):8d}"
        lines.append(f"  {command.label:<42}{row}")
    for command in group.stopped:
        lines.append(
            f"  {command.label}: left out, as it was stopped after {command.limit} seconds"
        )
    for ratio in group.ratios:
        value, least = group.compare(ratio), group.compare(ratio, min)
        if value is None or least is None:
            continue
        of = f"({ratio.of} - {ratio.less})" if ratio.less else ratio.of
        text = f"{'  ' + of + ' / ' + ratio.to:<62}{value:8.2f}   minima{least:6.2f}"
        if ratio.budget is None:
            lines.append(text)
            continue
        verdict = "ok" if value <= ratio.budget else "OVER"
        lines.append(f"{text}   budget {ratio.budget:<5g}{verdict}")
    return lines


def format_memory(sizes: Mapping[str, float], budget: float) -> list[str]:
    """Write the memory of helpers, in megabytes, as lines of a table."""
    lines = [f"{'memory of helpers, 500 packages (MB)':<44}{'most':>10}"]
    for label, size in sizes.items():
        verdict = "ok" if size <= budget else "OVER"
        lines.append(f"  {label:<42}{size:10.1f}   budget {budget:<5g}{verdict}")
    return lines


def format_disk(sizes: Mapping[str, float]) -> list[str]:
    """Write what is on the disk, in megabytes, as lines of a table."""
    lines = [f"{'disk (MB)':<54}{'all':>10}"] if sizes else []
    return lines + [f"  {label:<52}{size:10.1f}" for label, size in sizes.items()]


def format_counts(counts: Mapping[str, ProcessCount]) -> list[str]:
    """Write the numbers of processes as lines of a table."""
    lines = [f"{'processes':<34}{'forks':>7}{'execs after bash':>18}   programs"]
    for label, seen in counts.items():
        after = seen.after_bash()
        lines.append(f"  {label:<32}{seen.forks:7d}{len(after):18d}   {summarize(after)}")
    return lines
