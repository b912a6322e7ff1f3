"""The isolated process of the command line: `python -m edgekit.cli.isolated PIPE ARGUMENTS`."""

import sys

from edgekit.cli.main import main
from edgekit.runtimes.isolation import enter

if __name__ == "__main__":
    enter(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
