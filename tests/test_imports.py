"""The house: imports run strictly downward, and the front door is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit

PACKAGE = Path(edgekit.__file__).parent

# A module may import only from lines above its own; modules on one line know nothing of each other.
LAYERS = [
    ["errors", "version", "threads", "format.png", "runtimes.replay_older"],
    ["format.schema"],
    ["format.generator", "measure.statistics", "format.compare", "format.decode", "nested"],
    ["sources.inputs", "format.pickles", "format.canonical", "format.labels"],
    ["format.archive"],
    ["format.writer", "inspection", "runtimes.compat"],
    ["sources.weights"],
    ["sources.source"],
    ["sources.names"],
    ["parity.probes"],
    ["parity.eager"],
    ["capture.trace"],
    ["capture.hybrid"],
    ["capture.decide", "optimize.passes.base", "packaging.predict"],
    ["optimize.passes.decompose_attention"],
    ["optimize.recipes", "packaging.golden", "packaging.constants"],
    ["packaging.server", "runtimes.base"],
    ["runtimes.android", "runtimes.lite", "runtimes.native"],
    ["runtimes.older"],
    ["runtimes.registry"],
    ["model", "packaging.draft", "runtimes.verdict", "measure.bench"],
    ["pipeline"],
    ["cli.output", "cli.parse"],
    ["cli.bench", "cli.compat", "cli.export", "cli.inspect", "cli.models", "cli.run", "cli.verify"],
    ["cli.main"],
    ["__main__"],
]
FREE = {
    "",
    "capture",
    "cli",
    "format",
    "measure",
    "optimize",
    "optimize.passes",
    "packaging",
    "parity",
    "sources",
}  # the facade, which loads lazily, and empty packages


def imported_modules(path: Path) -> set[str]:
    """Names below edgekit that a file imports, anywhere in it but under TYPE_CHECKING."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "edgekit":
            names.add(node.module.removeprefix("edgekit").lstrip("."))
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


def violations(layers: list[list[str]]) -> list[str]:
    height = {name: index for index, layer in enumerate(layers) for name in layer}
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = module_name(path)
        if name in FREE:
            continue
        if name not in height:
            found.append(f"{name} has no layer")
            continue
        for target in imported_modules(path) - FREE - {name}:
            if height.get(target, len(layers)) >= height[name]:
                found.append(f"{name} imports {target}")
    return found


def test_imports_run_strictly_downward() -> None:
    assert violations(LAYERS) == []


def test_imports_checker_sees_an_upward_import() -> None:
    assert "capture.decide imports capture.hybrid" in violations(
        [
            ["capture.decide", "optimize.passes.base", "packaging.predict"],
            *[x for x in LAYERS if "capture.decide" not in x],
        ]
    )


@pytest.mark.parametrize("argument", [["--help"], ["export", "--help"], ["inspect", "--help"], ["compat", "--help"]])
def test_command_line_front_door_loads_neither_torch_nor_numpy(argument: list[str]) -> None:
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
