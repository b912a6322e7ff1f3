"""The base of the classes that see every operator: it keeps torch's compiler out of the process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli.command import environment

from edgekit.dispatch import DispatchMode

MODELS = Path(__file__).parent / "models.py"
EXPORT = f"""
import sys
from edgekit.cli.main import main
assert main(["export", {str(MODELS)!r} + ":DynamicModel", "--input", "2x4", "-o", "m.ptl"]) == 0
print("torch._dynamo" in sys.modules)
"""
OF_TORCH = """
import sys
import torch
from torch.utils._python_dispatch import TorchDispatchMode
class Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))
with Mode():
    torch.ones(2) + 1
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize(("code", "loaded"), [(EXPORT, "False"), (OF_TORCH, "True")], ids=["export", "torch's own"])
def test_export_does_not_load_the_compiler(code: str, loaded: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == loaded


def test_mode_sees_every_operator() -> None:
    class Names(DispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.names: list[str] = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # as torch has it
            self.names.append(func._schema.name)
            return func(*args, **(kwargs or {}))

    layer, given = torch.nn.Linear(2, 3), torch.ones(1, 2)
    with torch.no_grad(), Names() as seen:
        layer(given).relu_()
    assert [name for name in seen.names if name != "aten::t"] == ["aten::addmm", "aten::relu_"]
