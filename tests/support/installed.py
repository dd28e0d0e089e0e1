# SPDX-License-Identifier: MIT
"""What `meson install` installs, run in its place: in a mount namespace of its own the installed
files lie over the real prefix, and neither the checkout nor the build folder is there. Nothing of
it changes the machine or needs privilege.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from support.emulator import TOP
from support.tap import Skip

# In the namespace: the installed files over the prefix, emptiness over the source and the build.
ENTER = """
mount -t overlay -o "lowerdir=$INSTALLED$PREFIX:$PREFIX" overlay "$PREFIX" || exit 125
for folder in $HIDDEN; do mount -t tmpfs none "$folder" || exit 125; done
cd "$FOLDER" && exec "$@"
"""


class Installed:
    """Use as a context manager; `folder` is there for the files of the commands that run."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.scratch = tempfile.TemporaryDirectory(prefix="tenon-installed-")
        self.root = pathlib.Path(self.scratch.name) / "root"
        self.folder = pathlib.Path(self.scratch.name) / "work"
        self.folder.mkdir()
        subprocess.run(["meson", "install", "-C", self.build, "--no-rebuild", "--quiet",
                        "--destdir", self.root], check=True, stdout=subprocess.DEVNULL)
        self.prefix, self.libdir = self.option("prefix"), self.option("libdir")
        if not pathlib.Path(self.prefix).is_dir():
            raise Skip(f"the prefix {self.prefix} does not exist here")
        if self.command("true", check=False).returncode != 0:
            raise Skip("no private mount namespace can be made here")

    def option(self, name):
        found = subprocess.run(["meson", "introspect", "--buildoptions", self.build],
                               capture_output=True, text=True, check=True).stdout
        return next(o["value"] for o in json.loads(found) if o["name"] == name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.scratch.cleanup()

    def files(self):
        """Paths of the installed files, as they are below /."""
        return sorted("/" + str(path.relative_to(self.root)) for path in self.root.rglob("*")
                      if path.is_symlink() or path.is_file())

    def copy(self, source, name=None):
        """Bring a file or folder of the checkout to where commands run."""
        source = TOP / source
        target = self.folder / (name or source.name)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        return target

    def wrapped(self, *words):
        """The command line that runs `words` where the files are installed."""
        library = f"{self.prefix}/{self.libdir}"
        variables = {
            "INSTALLED": self.root, "PREFIX": self.prefix, "FOLDER": self.folder,
            "HIDDEN": f"{TOP} {self.build}" if TOP not in self.build.parents else TOP,
            "LD_LIBRARY_PATH": library, "PKG_CONFIG_PATH": f"{library}/pkgconfig",
            "PATH": f"{self.prefix}/bin:{os.environ['PATH']}",
        }
        settings = [f"{name}={value}" for name, value in variables.items()]
        return ["env", "-u", "TENON_MODULE_PATH", "-u", "TENON", *settings, "unshare",
                "--map-root-user", "--mount", "--", "sh", "-c", ENTER, "sh",
                *[str(word) for word in words]]

    def command(self, *words, check=True, seconds=300):
        return subprocess.run(self.wrapped(*words), capture_output=True, text=True, check=check,
                              timeout=seconds)
