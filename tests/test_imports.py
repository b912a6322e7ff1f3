"""The order of the rooms: imports run strictly downward. The command line and the facade do not load torch or numpy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit.cli.main import VERBS

PACKAGE = Path(edgekit.__file__).parent

# The rooms from the bottom up, and the modules in each room. A module imports only modules that come before it here.
ROOMS = {
    "": ["errors", "version", "installed", "threads", "memory", "engines", "files"],
    "format": [
        *("axes", "schema", "golden", "codec", "generator", "compare", "labels"),
        *("picture", "png", "jpeg", "beyond", "decode", "mask", "font", "boxes"),
        *("pickle_limits", "pickles", "canonical", "container", "archive", "writer", "signature"),
    ],
    "nested": [""],
    "dispatch": [""],
    "recording": [""],
    "runtimes": [
        *(
            "checkout",
            "cache",
            "exported",
            "replay_older",
            "results",
            "base",
            "hosts",
            "isolation",
            "vision",
            "writing",
            "trimming",
            "environments",
            "frames",
            "workshop",
            "process",
            "timing",
            "runner_build",
        ),
        *("android", "lite", "workshop_lite", "runner", "older", "registry", "compat", "verdict"),
    ],
    "sources": [
        *(
            "blame",
            "records",
            "inputs",
            "arguments",
            "dynamic",
            "examples",
            "samples",
            "weights",
            "fitting",
            "kinds",
            "checkpoints",
            "copies",
            "compiled",
            "hidden",
            "quantized",
            "lists",
            "expressions",
            "adapter",
            "methods",
            "processors",
            "images",
            "facts",
        ),
        *(
            "boxes",
            "detection",
            "random_heads",
            "source",
            "carried",
            "names",
            "factories",
            "programs",
            "files",
            "resolve",
        ),
    ],
    "parity": [
        *(
            "probes",
            "ranges",
            "eager",
            "layers",
            "work",
            "scores",
            "kernels",
            "noise",
            "comparison",
            "values",
            "departure",
            "spread",
            "ranking",
            "preprocess",
            "masks",
        ),
        *("fast_path", "moves", "sizes", "causes", "references", "gate"),
    ],
    "capture": [
        "modes",
        "remedies",
        "graphs",
        "conversions",
        "gradients",
        "trace",
        "script",
        "hybrid",
        "sizes",
        "constants",
        "attempts",
        "fewer",
        "parameters",
        "pictures",
        "captured",
        "operators",
        "folder",
        "reasons",
        "decide",
    ],
    "optimize": [
        *(
            "recipes",
            "passes.base",
            "passes.freeze",
            "passes.remove_no_grad",
            "passes.aliases",
            "passes.own_inputs",
            "passes.decompose_attention",
            "passes.decompose_rms_norm",
            "passes.explicit_padding",
        ),
        *("passes.channels_last", "passes.contiguous_outputs", "passes.optimize_for_mobile", "sharing", "optimizer"),
    ],
    "packaging": [
        *("constants", "lite_file", "predict", "golden", "masks", "boxes", "proof", "methods", "combine"),
        *("server", "draft", "written"),
    ],
    "measure": ["context", "bench", "budget", "regression"],
    "inspection": [""],
    "diagnosis": [""],
    "report": ["documents", "export", "console", "bars"],
    "model": [""],
    "evaluation": ["rows", "pictures", "original", "evaluate", "table", "bisect"],
    "proving": [""],
    "finishing": [""],
    "handover": [""],
    "workshop_process": [""],
    "pipeline": [""],
    "sweep": ["rows", "child", "process", "local", "cluster", "state", "models", "page"],
    "cli": [
        *(
            "isolate",
            "parse",
            "options",
            "public_key",
            "original",
            "bench",
            "build_runner",
            "compat",
            "doctor",
            "evaluate",
            "export",
            "inspect",
            "models",
            "ops",
            "run_files",
            "run_masks",
            "run_boxes",
            "run_pictures",
            "run",
            "sign",
            "sweep",
        ),
        *("verify", "workshop", "completion", "main", "isolated"),
    ],
    "__main__": [""],
}
ORDER = [".".join(filter(None, (room, module))) for room, modules in ROOMS.items() for module in modules]


def imported_modules(path: Path) -> set[str]:
    """The modules of edgekit that a file imports anywhere, except under TYPE_CHECKING."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "edgekit":
            module = node.module.removeprefix("edgekit").lstrip(".")
            names |= {module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {
                alias.name.removeprefix("edgekit").lstrip(".")
                for alias in node.names
                if alias.name.startswith("edgekit")
            }
    return names


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def is_empty(path: Path) -> bool:
    """Whether a file has no code, like the `__init__.py` of a room."""
    return not ast.parse(path.read_text()).body


def violations(order: list[str]) -> list[str]:
    height = {name: index for index, name in enumerate(order)}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = module_name(path)
        if name == "" or is_empty(path):  # the facade, which loads lazily, and the folders themselves
            continue
        if name not in height:
            found.append(f"{name} has no room")
            continue
        for target in imported_modules(path) & height.keys() - {name}:
            if height[target] >= height[name]:
                found.append(f"{name} imports {target}")
    return found


def test_imports_run_strictly_downward() -> None:
    assert violations(ORDER) == []


def test_order_lists_only_existing_modules() -> None:
    modules = {module_name(path) for path in PACKAGE.rglob("*.py") if not is_empty(path)}
    assert set(ORDER) == modules - {""}


def test_imports_checker_sees_an_upward_import_and_a_module_without_a_room() -> None:
    upward = [name for name in ORDER if name != "capture.trace"] + ["capture.trace"]
    assert "capture.hybrid imports capture.trace" in violations(upward)
    assert "capture.trace has no room" in violations([name for name in ORDER if name != "capture.trace"])


@pytest.mark.parametrize("argument", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_light_commands_load_neither_torch_nor_numpy(argument: list[str]) -> None:
    code = (
        "import sys\nfrom edgekit.cli.main import main\n"
        f"try: main({argument!r})\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_all_lists_exactly_the_public_names() -> None:
    assert set(edgekit.__all__) == set(edgekit._HOMES) | {"__version__"}
    for name in edgekit.__all__:
        assert getattr(edgekit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'exprot'"):
        _ = edgekit.exprot


def test_public_functions_are_not_hidden_by_submodules() -> None:
    imports = "import edgekit, edgekit.pipeline, edgekit.model"
    code = f"{imports}; assert all(map(callable, (edgekit.export, edgekit.load, edgekit.verify)))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not {"export", "load", "verify"} & {path.stem for path in PACKAGE.glob("*.py")}
