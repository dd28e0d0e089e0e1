# SPDX-License-Identifier: MIT
"""Suites that mount systems of their own: in a mount namespace, so that nothing of it stays."""

import os
import subprocess
import sys
import tempfile

from support import tap


def run_apart(name, cases_in):
    """Run the program again apart from the host's mounts, there the cases of cases_in(folder)."""
    if "TENON_IN_NAMESPACE" not in os.environ:
        os.environ["TENON_IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              *sys.argv])
    with tempfile.TemporaryDirectory(prefix=f"tenon-{name}-", ignore_cleanup_errors=True) as folder:
        try:
            return tap.run(cases_in(folder))
        finally:
            subprocess.run(["umount", "--lazy", "--recursive", folder + "/root", folder + "/layer"],
                           check=False)
