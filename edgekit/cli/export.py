"""`edgekit export`."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from edgekit.capture.modes import REQUESTED_MODES
from edgekit.cli.options import add_bind, add_json, add_weights
from edgekit.cli.parse import labels_file, method_inputs, named_values, tolerance
from edgekit.format.schema import AS_MADE, BOXES, Activation, QuantizedEngine
from edgekit.optimize.recipes import DEFAULT_RECIPE, FITS, RECIPES
from edgekit.report.bars import Progress
from edgekit.report.console import UNPROVEN_MEANS, banner, bound, ranking, size
from edgekit.sources.images import image_text

if TYPE_CHECKING:
    from edgekit.pipeline import ExportReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        help="a name of `edgekit models`, pkg.module:factory, file.py:factory, or a file: TorchScript or a torch.export program",
    )
    parser.add_argument(
        "-o",
        "--output-file",
        type=Path,
        metavar="FILE",
        help="the package to write (default build/mobile/NAME/NAME.ptl)",
    )
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SPEC",
        help="an input of the model: [NAME=]SHAPE[:DTYPE[LOW,HIGH]], for example 1x3x224x224 or ids=1x16:int64[0,1000], "
        "or a sample .npy; repeatable",
    )
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="NAME:SPEC",
        help="another method to export, with an input as in --input: encode:1x8 or decode:z=1x3; repeatable, for more methods "
        "and for more inputs of a method",
    )
    parser.add_argument(
        "--no-golden-sample",
        action="store_true",
        help="use the sample .npy files of --input as a probe only, and do not store them in the package",
    )
    add_bind(parser)
    parser.add_argument(
        "--dynamic",
        action="append",
        default=[],
        metavar="AXES",
        help="sizes that the package must take: [NAME:]AXIS=MIN-MAX[/MULTIPLE], for example x:2=1-320,x:3=32-320/32; "
        "repeatable (default: what can be proved up to four times the example's size)",
    )
    add_weights(parser)
    parser.add_argument(
        "--require-pretrained", action="store_true", help="fail where pretrained weights are unavailable"
    )
    parser.add_argument(
        "--image",
        metavar="SPEC",
        help="the preprocessing of your own image classifier: resize=256,crop=224,mean=0.485,0.456,0.406,std=0.229,0.224,0.225; "
        "the same or timm's data config as JSON; or a file with it, or Hugging Face's preprocessor_config.json",
    )
    parser.add_argument(
        "--output",
        metavar="NAME",
        help="the output that predict ranks, such as logits or 1 (default: the only one that fits)",
    )
    parser.add_argument(
        "--activation",
        choices=get_args(Activation),
        help="what makes scores of that output for predict (default: found from the model's answers)",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="a text file with the names of the classes, one per line"
    )
    parser.add_argument(
        "--mode",
        choices=REQUESTED_MODES,
        default="auto",
        help="how to capture the model (default auto)",
    )
    parser.add_argument(
        "--recipe", default=DEFAULT_RECIPE, choices=RECIPES, help=f"the passes to apply (default {DEFAULT_RECIPE})"
    )
    parser.add_argument(
        "--fit",
        choices=FITS,
        default=FITS[0],
        help=f"the oldest runtime that must be able to run it (default {FITS[0]})",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="the bound on relative errors (default 1e-5); the package records a looser one",
    )
    parser.add_argument(
        "--quantized-engine",
        choices=get_args(QuantizedEngine),
        help="the engine that a quantized package needs (default: the one of its weights); phones and ARM boards have qnnpack",
    )
    parser.add_argument("--no-server", action="store_true", help="do not write the .pt file for servers")
    parser.add_argument(
        "--allow-mismatch",
        action="store_true",
        help="keep a capture that differs from the model on a probe, and record that",
    )
    parser.add_argument(
        "--proof",
        choices=("quick", "full"),
        default="quick",
        help="how many probes judge the capture and each pass: the sharpest ones, or all; all judge the file (default quick)",
    )
    parser.add_argument(
        "--allow-unproven",
        action="store_true",
        help="keep an output whose answers hardly differ between the probes, and record that it is unproven",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    image = image_text(options.image) if options.image else None
    labels = labels_file(options.labels) if options.labels else ()
    bounds = tolerance(options.tolerance)
    values = {
        "arguments": named_values("--arg", options.arg, "width=0.5"),
        "bound": named_values("--bind", options.bind, "use_cache=false"),
    }
    from edgekit.sources.dynamic import as_dynamic
    from edgekit.sources.inputs import parse_input

    inputs = tuple(parse_input(text) for text in options.input)

    from edgekit.pipeline import STAGES, export_source
    from edgekit.proving import ExportRequest
    from edgekit.sources.source import RankingRequest, SourceRequest

    # What a model's own code prints is not a result.
    with contextlib.redirect_stdout(sys.stderr), Progress(STAGES, options.quiet) as progress:
        report = export_source(
            options.source,
            SourceRequest(
                inputs=inputs,
                weights=options.weights,
                checkpoint=options.checkpoint,
                checkpoint_key=options.checkpoint_key,
                trust_checkpoint=options.trust_checkpoint,
                quantized_engine=options.quantized_engine,
                seed=options.seed,
                require_pretrained=options.require_pretrained,
                image=image,
                ranking=RankingRequest(
                    output=options.output, activation=options.activation, image_given=image is not None
                ),
                labels=labels,
                **values,
                golden_sample=not options.no_golden_sample,
                methods=method_inputs(options.method),
                dynamic=as_dynamic(options.dynamic),
            ),
            ExportRequest(
                output=options.output_file,
                mode=options.mode,
                recipe=options.recipe,
                fit=options.fit,
                tolerance=bounds,
                allow_mismatch=options.allow_mismatch,
                allow_unproven=options.allow_unproven,
                proof=options.proof,
                server=not options.no_server,
            ),
            progress,
        )
    if options.json:
        print(report.document.to_json(), end="")
        return 0
    _print(report)
    return 0


def _print(report: "ExportReport") -> None:
    manifest = report.manifest
    print(banner(manifest), end="")
    print(f"{report.package}  {size(report.package.stat().st_size)}")
    methods = [method for method in manifest.methods if method.name != "predict" or manifest.image is None]
    for method in methods:
        what = "signature" if len(methods) == 1 else method.name
        print(f"  {what:<20} ({', '.join(map(str, method.inputs))}) -> ({', '.join(map(str, method.outputs))})")
    if manifest.image is not None:
        change = "" if manifest.image.task == BOXES else "; --output and --activation change it"
        print(f"  {'predict':<20} {ranking(manifest.image)}{change}")
    if manifest.provenance.weights.kind == AS_MADE:
        print(f"  {'weights':<20} as the factory made them; --checkpoint FILE loads others")
    print(f"  {'captured':<20} {manifest.capture.mode}: {manifest.capture.reason}")
    for step in manifest.recipe.passes:
        if ": " in step.name and not step.applied and not step.left_out:
            continue  # of another method, for which it does not matter
        done = f"error {step.norm_error:.1e}" if step.norm_error is not None else f"not applied: {step.note}"
        left_out = f", without {', '.join(step.left_out)}" if step.left_out and step.applied else ""
        print(f"  {step.name:<20} {done}{left_out}")
    parity = manifest.parity
    print(
        f"  {'verified':<20} error {parity.norm_error:.1e} in {parity.cases} cases on the saved file ({bound(manifest)})"
    )
    if manifest.unproven:
        print(f"  {'UNPROVEN':<20} {', '.join(manifest.unproven)}. {UNPROVEN_MEANS}")
    server = report.document.results.server
    if server is not None:
        step = server.optimize_for_inference
        print(f"{report.server}  {size(server.size_bytes)}")
        print(f"  {'verified':<20} error {server.norm_error:.1e} {'after' if step.applied else 'without'} {step.name}")
