# SPDX-License-Identifier: MIT
"""The benchmark's guest program: compiled once for each state of its sources, and its initramfs."""

import concurrent.futures
import functools
import os
import pathlib
import re
import subprocess
import tempfile

from support import initramfs, made

import cold

KERNELS = pathlib.Path(__file__).resolve().parent / "kernels"

# What the compiler makes of the loops has to stay what their names say.
FLAGS = ["-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fno-builtin",
         "-fno-tree-vectorize", "-fno-tree-loop-distribute-patterns", "-fno-strict-aliasing",
         "-fno-toplevel-reorder", "-pthread"]
# Kernels whose count is no number of equal passes.
UNSCALED = ("calls/recursion", "cold/functions")
COLD_FLAGS = ["-O1", "-std=gnu11", "-fno-strict-aliasing", "-I", KERNELS]


class Kernel:
    def __init__(self, line):
        name, count, self.about = line.split(" ", 2)
        self.name, self.count = name, int(count)

    @property
    def group(self):
        return self.name.partition("/")[0]

    @property
    def two_cpus(self):
        return self.group == "smp"


def compile_all(folder, target):
    jobs = [(source, FLAGS) for source in sorted(KERNELS.glob("*.c"))]
    for name, text in cold.sources():
        (folder / name).write_text(text)
        jobs.append((folder / name, COLD_FLAGS))

    def compile_one(job):
        source, flags = job
        target = folder / (source.stem + ".o")
        subprocess.run(["gcc", *flags, "-c", "-o", target, source], check=True)
        return target

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, jobs))
    subprocess.run(["gcc", "-static", "-pthread", "-s", "-o", target, *objects, "-lm"],
                   check=True)


@functools.cache
def program():
    """Path of the guest program of the present sources."""
    state = made.digest(f"{FLAGS} {COLD_FLAGS[:-1]}", *sorted(KERNELS.iterdir()),
                        pathlib.Path(cold.__file__))

    def make(folder):
        folder.mkdir()
        with tempfile.TemporaryDirectory() as objects:
            compile_all(pathlib.Path(objects), folder / "bench")

    return made.folder("bench", state, make) / "bench"


def kernels(pattern=""):
    """Every kernel whose name matches, group by group."""
    listing = subprocess.run([program(), "--list"], check=True, capture_output=True, text=True)
    found = [Kernel(line) for line in listing.stdout.splitlines()]
    groups = list(dict.fromkeys(kernel.group for kernel in found))
    found.sort(key=lambda kernel: groups.index(kernel.group))
    return [kernel for kernel in found if re.search(pattern, kernel.name)]


def plan(chosen, scale):
    """The text that tells the guest program what to run and how often."""
    def count(kernel):
        return kernel.count if kernel.name in UNSCALED else max(1, int(kernel.count * scale))
    return "".join(f"{kernel.name} {count(kernel)}\n" for kernel in chosen)


def image(path, plan_text):
    """Writes an initramfs that runs the plan with tenon.run=bench."""
    return initramfs.write("amd64", path, {"bin/bench": program().read_bytes(),
                                           "bench.plan": plan_text.encode()})
