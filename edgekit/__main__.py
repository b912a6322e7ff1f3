"""`python -m edgekit`."""

from edgekit.cli.main import entry

if __name__ == "__main__":
    entry()
