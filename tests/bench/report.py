# SPDX-License-Identifier: MIT
"""Typical times, ratios, tables and a plot of what the runner measured."""

import json
import math
import statistics

NATIVE = "native"


def mean(values):
    values = [value for value in values if value]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def show(value):
    if value is None:
        return ""
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


class Results:
    """Rounds of samples: rounds[label] is a list of {kernel: Sample}. `typical` gives of several
    times the one that counts."""

    def __init__(self, labels, kernels, clock, typical=statistics.median):
        self.labels, self.kernels, self.clock = labels, kernels, clock
        self.typical = typical
        self.rounds = {label: [] for label in labels}

    def add(self, label, found):
        self.rounds[label].append(found)

    def seconds(self, label, kernel):
        """A kernel's typical time; threads that run side by side are timed by the clock."""
        clock = "wall" if kernel.two_cpus else self.clock
        times = [getattr(found[kernel.name], clock) for found in self.rounds[label]
                 if kernel.name in found]
        return self.typical(times) if times else None

    def ratio(self, over, under, kernel):
        a, b = self.seconds(over, kernel), self.seconds(under, kernel)
        return a / b if a and b else None

    def wrong(self):
        """Pairs of label and kernel whose sum differs from that of the first program."""
        first = {}
        bad = []
        for label in self.labels:
            for found in self.rounds[label]:
                for name, sample in found.items():
                    if sample.sum != first.setdefault(name, sample.sum):
                        bad.append((label, name))
        return sorted(set(bad))

    def columns(self):
        """Pairs (over, under) of labels."""
        others = [label for label in self.labels if label != NATIVE]
        tenons = [label for label in others if label != "qemu"]
        pairs = [(label, NATIVE) for label in others if NATIVE in self.labels]
        if "qemu" in self.labels:
            pairs += [("qemu", label) for label in tenons]
        return pairs + [(label, tenons[0]) for label in tenons[1:]]

    def scaling(self):
        """How much more two threads do than one in the same time, by kernel and label."""
        found = {}
        for one in self.kernels:
            two = next((k for k in self.kernels if k.name == one.name.replace("-one", "-two")), one)
            if one is two:
                continue
            found[one.name.replace("-one", "")] = {
                label: 2 * self.seconds(label, one) / self.seconds(label, two)
                for label in self.labels if self.seconds(label, one) and self.seconds(label, two)}
        return found


# ---- Tables ----------------------------------------------------------------------------------


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(results):
    pairs = results.columns()
    wrong = set(results.wrong())
    lines = [row(["kernel", *[f"{over} / {under}" for over, under in pairs]]),
             row(["---"] + ["---:"] * len(pairs))]
    groups = {}
    for kernel in results.kernels:
        ratios = [results.ratio(over, under, kernel) for over, under in pairs]
        groups.setdefault(kernel.group, []).append(ratios)
        marks = [" WRONG" if (over, kernel.name) in wrong else "" for over, _ in pairs]
        lines.append(row([kernel.name, *[show(r) + mark for r, mark in zip(ratios, marks)]]))
    for group, all_ratios in groups.items():
        lines.append(row([f"mean of {group}", *[show(mean(col)) for col in zip(*all_ratios)]]))
    every = [ratios for all_ratios in groups.values() for ratios in all_ratios]
    lines.append(row(["geometric mean", *[show(mean(col)) for col in zip(*every)]]))
    return "\n".join(lines)


def scaling_table(results):
    found = results.scaling()
    if not found:
        return ""
    lines = [row(["two threads over one", *results.labels]),
             row(["---"] + ["---:"] * len(results.labels))]
    for name, by_label in found.items():
        lines.append(row([name, *[show(by_label.get(label)) for label in results.labels]]))
    return "\n".join(lines)


def as_json(results):
    """Every round of every program, and the table's ratios."""
    return json.dumps({
        "clock": results.clock,
        "rounds": {label: [{name: {"wall": s.wall, "cpu": s.cpu, "sum": s.sum}
                            for name, s in found.items()} for found in rounds]
                   for label, rounds in results.rounds.items()},
        "ratios": {f"{over}/{under}": {k.name: results.ratio(over, under, k)
                                       for k in results.kernels}
                   for over, under in results.columns()},
        "scaling": results.scaling(),
    }, indent=1)


# ---- Plot ------------------------------------------------------------------------------------

BAR, GAP, LEFT, WIDTH = 7, 5, 190, 600
COLOURS = ("#2f6f9f", "#c0562f", "#5a8f3c", "#8a5fa8")


def text(x, y, words, anchor="start"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="11" font-family="sans-serif" '
            f'text-anchor="{anchor}">{words}</text>')


def grid(most, height):
    """Lines at 1, 10, 100..."""
    parts = []
    for power in range(int(most) + 1):
        x = LEFT + power / most * WIDTH
        parts.append(f'<line x1="{x:.0f}" y1="30" x2="{x:.0f}" y2="{height}" stroke="#ccc"/>')
        parts.append(text(x, 26, 10 ** power, "middle"))
    return parts


def plot(results):
    """Bars of time over native time, on a logarithmic scale; shorter is faster."""
    labels = [label for label in results.labels if label != NATIVE]
    ratios = {(label, k.name): results.ratio(label, NATIVE, k)
              for label in labels for k in results.kernels}
    most = math.log10(max([10, *[r for r in ratios.values() if r]])) * 1.02
    step = BAR * len(labels) + GAP
    height = 36 + step * len(results.kernels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" '
             f'height="{height + 10}">', '<rect width="100%" height="100%" fill="#fff"/>']
    parts += grid(most, height)
    for n, label in enumerate(labels):
        parts.append(f'<rect x="{LEFT + n * 120}" y="4" width="10" height="10" '
                     f'fill="{COLOURS[n % len(COLOURS)]}"/>')
        parts.append(text(LEFT + n * 120 + 14, 13, label))
    for i, kernel in enumerate(results.kernels):
        y = 36 + i * step
        parts.append(text(LEFT - 6, y + step / 2 + 2, kernel.name, "end"))
        for n, label in enumerate(labels):
            ratio = ratios[label, kernel.name]
            if ratio:
                width = max(1, math.log10(max(ratio, 1)) / most * WIDTH)
                parts.append(f'<rect x="{LEFT}" y="{y + n * BAR}" width="{width:.0f}" '
                             f'height="{BAR - 1}" fill="{COLOURS[n % len(COLOURS)]}"/>')
    return "\n".join([*parts, "</svg>\n"])
