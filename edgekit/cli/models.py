"""`edgekit models`."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filter", nargs="?", default="", help="show only the names that contain this text")


def run(options: argparse.Namespace) -> int:
    from torchvision.models import list_models

    for name in list_models():
        if options.filter in name:
            print(name)
    return 0
