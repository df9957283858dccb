#!/usr/bin/python3
"""Lists the files of the project: those that git does not ignore, and without a .git (an unpacked tarball) all but what
.gitignore leaves out.

Usage: tools/project_files.py [PATTERN...]    (default: all; `*` of a pattern matches over folders, as in 'cli/*.cpp')

Prints names relative to the root, each ended by a zero byte, as `xargs --null` reads them.
"""

import fnmatch
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def of_git(root):
    """What git tracks, and what it does not but would by `git add .`."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True).stdout
    return {os.fsdecode(name) for name in listed.split(b"\0") if name}


def walked(root):
    """All files but those below the folders that .gitignore names (`/build/` at the root, `__pycache__/` anywhere)."""
    lines = (root / ".gitignore").read_text("utf-8").split()
    at_root = {line.strip("/") for line in lines if line.startswith("/")}
    anywhere = {line.strip("/") for line in lines if not line.startswith("/")}
    found = set()
    for folder, below, files in os.walk(root):
        here = Path(folder).relative_to(root)
        left_out = anywhere | at_root if here == Path() else anywhere
        below[:] = [name for name in below if name not in left_out]
        found |= {(here / name).as_posix() for name in files}
    return found


def project_files(root=ROOT):
    """Names of all files of the project, relative to the root, sorted; those that were deleted are not among them."""
    # The root's own .git, a folder or the file of a worktree: that of a folder around it is another project's.
    names = of_git(root) if (root / ".git").exists() else walked(root)
    return sorted(name for name in names if (root / name).is_file())


def below(names, folders):
    """Those of the names that are one of `folders` or lie below one; "*" is all."""
    if "*" in folders:
        return names
    return [name for name in names if any(name == folder or name.startswith(f"{folder}/") for folder in folders)]


def main(patterns):
    for name in project_files():
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            sys.stdout.buffer.write(os.fsencode(name) + b"\0")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
