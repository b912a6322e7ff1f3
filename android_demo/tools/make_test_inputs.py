"""Makes what the tests on the JVM need: a package with seeded weights, ten photographs, and what `edgekit run` says of them.

The photographs are cut from the two that scikit-learn ships.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image
from sklearn.datasets import __file__ as datasets

SOURCES = ("flower.jpg", "china.jpg")
PLAIN_KERNELS = {"ATEN_CPU_CAPABILITY": "default"}
CROPS = ((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.6, 0.8), (0.4, 0.1, 1.0, 1.0), (0.2, 0.2, 0.7, 0.9), (0.3, 0.0, 0.8, 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    if (out / "photos.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    edgekit("export", "mobilenet_v3_small", "--weights", "random", "--seed", "0", "-o", out / "model.ptl")
    answers = edgekit("run", out / "model.ptl", *photographs(out), "--topk", "5", "--json")
    (out / "photos.json").write_text(answers, encoding="utf-8")


def photographs(out: Path) -> list[Path]:
    paths = []
    for source in SOURCES:
        image = Image.open(Path(datasets).parent / "images" / source)
        for number, (left, top, right, bottom) in enumerate(CROPS):
            width, height = image.size
            box = (int(left * width), int(top * height), int(right * width), int(bottom * height))
            paths.append(out / f"{Path(source).stem}{number}.jpg")
            image.crop(box).save(paths[-1], quality=92)
    return paths


def edgekit(*arguments: object) -> str:
    """Runs edgekit with torch's plain kernels.

    The resized pixels are rounded to integers, and a pixel that lies on a half goes to another side when a kernel uses fused
    multiply-adds; Android's library does not, so it is compared with kernels that do not either.
    """
    command = [sys.executable, "-m", "edgekit", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | PLAIN_KERNELS).stdout


if __name__ == "__main__":
    main()
