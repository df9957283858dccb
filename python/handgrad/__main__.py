"""`python -m handgrad ...` runs the program `handgrad` that was installed beside this package."""

import os
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

PROGRAM = "handgrad"


def of_this_distribution() -> list[Path]:
    """Where the installation of this package says that it put the program; nothing when it is no installation."""
    try:
        files = metadata.files("handgrad") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name == PROGRAM and file.parent.name in {"bin", "Scripts"}]


def find_program() -> str:
    """The program to run: the one that was installed with this package, else the one beside Python, else that on PATH."""
    beside_python = Path(sysconfig.get_path("scripts")) / PROGRAM
    for program in (*of_this_distribution(), beside_python):
        if os.access(program, os.X_OK):
            return str(program)
    on_path = shutil.which(PROGRAM)
    if on_path is None:
        sys.exit("handgrad: the program is neither beside this package nor on PATH: install the wheel, which has both")
    return on_path


def main() -> None:
    program = find_program()
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
