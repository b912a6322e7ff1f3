"""`edgekit models`."""

import argparse
from itertools import groupby


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filter", nargs="?", default="", help="show only the names and tasks that contain this text")


def run(options: argparse.Namespace) -> int:
    from edgekit.sources.names import known_models

    found = [model for model in known_models() if options.filter in model.name or options.filter in model.task]
    inputs = {model.name: ", ".join(model.inputs) or "needs --input" for model in found}
    width, shapes = (max(map(len, texts), default=0) for texts in (inputs, inputs.values()))
    for task, models in groupby(sorted(found, key=lambda model: (model.task, model.name)), lambda model: model.task):
        print(task)
        for model in models:
            text = f"{model.name:<{width}}  {inputs[model.name]:<{shapes}}"
            print(f"  {text}  {model.parameters / 1e6:6.1f} M parameters")
    return 0
