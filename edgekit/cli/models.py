"""`edgekit models`."""

import argparse
from itertools import groupby


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filter", nargs="?", default="", help="show only the names and tasks that contain this text")


def run(options: argparse.Namespace) -> int:
    from edgekit.sources.names import known_models

    found = [model for model in known_models() if options.filter in model.name or options.filter in model.task]
    width = max((len(model.name) for model in found), default=0)
    for task, models in groupby(sorted(found, key=lambda model: (model.task, model.name)), lambda model: model.task):
        print(task)
        for model in models:
            print(
                f"  {model.name:<{width}}  {model.input or 'needs --input':<17}  {model.parameters / 1e6:6.1f} M parameters"
            )
    return 0
