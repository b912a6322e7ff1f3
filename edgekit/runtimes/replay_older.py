"""Run by the Python of an older torch's environment, as a script: it imports nothing of edgekit.

Takes a folder with `job.json` and the inputs as .npy; loads the package, calls the methods, and leaves `answers.json` and the
outputs as .npy there.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.jit.mobile import _load_for_lite_interpreter


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def stored(value: Any, folder: Path) -> Any:
    """A nested value as JSON, with its tensors as files."""
    if isinstance(value, torch.Tensor):
        name = f"output-{len(list(folder.glob('output-*.npy')))}.npy"
        value = value.dequantize() if value.is_quantized else value
        np.save(folder / name, value.detach().contiguous().numpy())
        return {"tensor": name}
    if isinstance(value, tuple):
        return {"tuple": [stored(item, folder) for item in value]}
    if isinstance(value, list):
        return {"list": [stored(item, folder) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[key, stored(item, folder)] for key, item in value.items()]}
    return {"plain": value}


def call(module: Any, case: dict[str, Any], folder: Path) -> dict[str, Any]:
    inputs = [torch.from_numpy(np.load(folder / name)) for name in case["inputs"]]
    try:
        with torch.no_grad():
            return {"value": stored(module.run_method(case["method"], *inputs), folder)}
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        return {"error": first_line(error)}


def main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    answers: dict[str, Any] = {}
    try:
        if job["engine"] is not None:
            torch.backends.quantized.engine = job["engine"]  # raises if this torch does not have it
        module = _load_for_lite_interpreter(job["package"])
    except (RuntimeError, ValueError) as error:
        answers["refused"] = first_line(error)
    else:
        answers["cases"] = [call(module, case, folder) for case in job["cases"]]
    (folder / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
