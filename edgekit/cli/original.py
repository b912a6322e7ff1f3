"""The original model of a package, for verbs that compare the two."""

import argparse
import contextlib
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.cli.options import add_weights
from edgekit.cli.parse import named_values
from edgekit.errors import UsageError

if TYPE_CHECKING:
    from edgekit.format.schema import Manifest
    from edgekit.sources.inputs import InputSpec
    from edgekit.sources.source import SourceModel

_LOG = logging.getLogger(__name__)
_OPTIONS = ("weights", "checkpoint", "checkpoint_key", "arg", "bind")


def add_original(parser: argparse.ArgumentParser, without: str) -> None:
    """`--model` and the options of its weights. `without` says what happens without it."""
    parser.add_argument(
        "--model",
        metavar="SOURCE",
        help=f"the original model, as for `edgekit export`: a name, FILE.py:FACTORY or a file ({without})",
    )
    add_weights(parser)


def check_original(options: argparse.Namespace) -> None:
    """Raises UsageError for an option of the original model without `--model`."""
    given = [name for name in _OPTIONS if getattr(options, name, None)]
    if given and options.model is None:
        raise UsageError(
            f"--{given[0].replace('_', '-')} is for the original model. Give --model too, or leave it out."
        )


def load_original(
    options: argparse.Namespace,
    manifest: "Manifest",
    inputs: "Sequence[InputSpec]" = (),
    methods: "Mapping[str, Sequence[InputSpec]] | None" = None,
) -> "SourceModel":
    """Loads `--model`, with the inputs given, or else those of the image contract.

    Raises:
        EdgekitError: what `edgekit.sources.resolve.load_source` raises.
    """
    from edgekit.engines import held_engine
    from edgekit.evaluation.original import same_weights
    from edgekit.format.schema import BOXES
    from edgekit.sources.resolve import load_source
    from edgekit.sources.source import SourceRequest

    bound: dict[str, Any] = named_values("--bind", getattr(options, "bind", ()), "use_cache=false")
    request = SourceRequest(
        inputs=inputs,
        methods=methods or {},
        weights=options.weights,
        checkpoint=options.checkpoint,
        checkpoint_key=options.checkpoint_key,
        trust_checkpoint=options.trust_checkpoint,
        quantized_engine=manifest.runtime.quantized_engine,
        seed=options.seed,
        image=None
        if manifest.image is None or manifest.image.task == BOXES
        else manifest.image,  # detectors have their own
        arguments=named_values("--arg", options.arg, "width=0.5"),
        bound=bound,
    )
    with contextlib.redirect_stdout(sys.stderr), held_engine(manifest.runtime.quantized_engine):
        source = load_source(options.model, request)  # what a model's own code prints is not a result
    if same_weights(source, manifest) is False:
        _LOG.warning("the weights of %s are not those of the package, so the answers may differ", options.model)
    return source
