"""The commit of the checkout that a command runs from."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def checked_out(root=ROOT):
    """Returns a checkout's commit in twelve digits, with "-dirty" if a file of it was changed.

    Returns None where Git is not installed, or the folder is no checkout.
    """
    git = ["git", "--no-optional-locks", f"--git-dir={os.path.join(root, '.git')}",
           f"--work-tree={root}"]
    try:
        found = subprocess.run(
            [*git, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
