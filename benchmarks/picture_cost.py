"""What the scaled decoding of JPEG saves, and what it changes: figures for docs/format.md.

The time is that of the processor for decoding plus `predict` of a photograph of 12 megapixels, warm, with one thread, in the
runner and in Python. Scaled and full decoding take turns in one process. Exits 1 if the scaled one takes more than a quarter
of the time.

The error is that of the levels that the network gets, against full decoding, for each scale on photographs of scikit-learn and
parts of them, with the largest `resize` that the scale is used for. Top labels are compared on the same photographs, enlarged
to the size at which the package uses the scale. Needs `make runner`.
"""

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from common import parser, print_context, print_document, summary
from numpy.typing import NDArray

BUILD = Path("build/cpp/release")
PAGE = Path("docs/format.md")
START, END = "<!-- scaled: start -->\n", "<!-- scaled: end -->\n"
SCALES = (2, 4, 8)
LARGE = 4000, 3000  # 12 megapixels
PARTS = ((0, 0, 1, 1), (0, 0, 0.5, 1), (0.5, 0, 1, 1), (0.2, 0.2, 0.8, 0.8), (0, 0.4, 0.6, 1), (0.4, 0, 1, 0.6))
MULTIPLE = 16  # of the sides, as of those of cameras: all scales keep the ratio
MOST_TIME = 0.25

Pixels = NDArray[np.uint8]


def photographs() -> Iterator[Any]:
    from PIL import Image
    from sklearn.datasets import load_sample_image

    for name in ("china.jpg", "flower.jpg"):
        image = Image.fromarray(load_sample_image(name))
        for part in PARTS:
            left, top, right, bottom = (int(share * image.size[i % 2]) for i, share in enumerate(part))
            width, height = ((end - start) // MULTIPLE * MULTIPLE for start, end in ((left, right), (top, bottom)))
            yield image.crop((left, top, left + width, top + height))


def as_jpeg(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def large_photograph(path: Path) -> None:
    """A photograph of 12 megapixels with the detail of a camera's: copies of a small one at twice its size, side by side."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    width, height = LARGE
    small = Image.fromarray(load_sample_image("china.jpg"))
    one = np.asarray(small.resize((2 * small.width, 2 * small.height), Image.Resampling.LANCZOS))
    tiled = np.tile(one, (-(-height // one.shape[0]), -(-width // one.shape[1]), 1))[:height, :width]
    path.write_bytes(as_jpeg(Image.fromarray(tiled)))


def runner_times(package: Path, picture: Path, rounds: int) -> dict[str, list[float]]:
    """The times of decoding plus `predict` in the runner's library."""
    subprocess.run(["cmake", "--build", BUILD, "--target", "edgekit_pictures"], check=True, stdout=subprocess.DEVNULL)
    command = [str(BUILD / "edgekit_pictures"), str(package), str(picture), str(rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = [tuple(map(float, line.split(","))) for line in done.stdout.splitlines()[1:]]
    return {"scaled": [row[0] + row[1] for row in rows], "full": [row[2] + row[3] for row in rows]}


def python_times(model: Any, picture: Path, rounds: int) -> dict[str, list[float]]:
    from edgekit.format.decode import decode_image

    times: dict[str, list[float]] = {"scaled": [], "full": []}
    for _ in range(rounds + 1):
        for name, samples in times.items():
            start = time.process_time()
            model.run([decode_image(picture, model.picture_resize(), full=name == "full")], "predict")
            samples.append(1000 * (time.process_time() - start))
    return {name: samples[1:] for name, samples in times.items()}  # the first run is the warm-up


def levels(pixels: Pixels, resize: int) -> NDArray[np.float32]:
    """What the network gets of a picture, before the division: steps 2 to 4 of the image contract, bilinear."""
    import torch

    from edgekit.format.schema import ImageSpec
    from edgekit.parity.preprocess import Preprocess

    spec = ImageSpec(resize=resize, crop=resize * 7 // 8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    found: NDArray[np.float32] = Preprocess(spec)(torch.from_numpy(pixels)).numpy() * 255
    return found


def errors() -> dict[int, dict[str, float]]:
    """The differences to full decoding, in levels, by scale."""
    from edgekit.format.decode import decode_bytes

    found = {}
    for scale in SCALES:
        differences = []
        for image in photographs():
            data, resize = as_jpeg(image), min(image.size) // scale // 2
            scaled, full = (levels(decode_bytes(data, "photo", resize, full=whole), resize) for whole in (False, True))
            differences.append(np.abs(scaled - full).ravel())
        joined = np.concatenate(differences)
        found[scale] = {
            "mean": float(joined.mean()),
            "p99": float(np.quantile(joined, 0.99)),
            "max": float(joined.max()),
        }
    return found


def agreement(model: Any) -> dict[int, dict[str, float]]:
    """How many of the photographs have the same top label, and the largest difference of a score, by scale."""
    from PIL import Image

    from edgekit.format.decode import decode_bytes

    found = {}
    for scale in SCALES:
        same, largest, count, resize = 0, 0.0, 0, model.picture_resize()
        for image in photographs():
            factor = 2 * resize * scale / min(image.size)
            sides = [-(-round(side * factor) // MULTIPLE) * MULTIPLE for side in image.size]
            data = as_jpeg(image.resize(sides, Image.Resampling.LANCZOS))
            ranks = [decode_bytes(data, "photo", resize, full=whole) for whole in (False, True)]
            ours, theirs = (model.run([pixels], "predict") for pixels in ranks)
            same += int(ours["1"][0] == theirs["1"][0])
            scores = [dict(zip(answer["1"], answer["0"], strict=True)) for answer in (ours, theirs)]
            largest = max(largest, *(abs(float(scores[0][label] - scores[1][label])) for label in scores[0]))
            count += 1
        found[scale] = {"same": same, "of": count, "largest_difference": largest}
    return found


def table(results: dict[str, Any]) -> str:
    rows = [
        "| scale | error of a level: mean, 99 %, largest | same top label | largest difference of a score |",
        "|---|---|---|---|",
    ]
    for scale in SCALES:
        error, labels = results["errors"][scale], results["agreement"][scale]
        rows.append(
            f"| 1/{scale} | {error['mean']:.2f}, {error['p99']:.1f}, {error['max']:.0f} | {labels['same']} of {labels['of']} "
            f"| {labels['largest_difference']:.3f} |"
        )
    times = ", ".join(
        f"{min(it['scaled']['samples']):.0f} and {min(it['full']['samples']):.0f} ms in {name} ({it['ratio']:.2f})"
        for name, it in results["times"].items()
    )
    text = "Processor time of decoding plus `predict`, 12 megapixels, mobilenet_v3_small, one thread, scaled and full, minimum"
    return "\n".join([*rows, "", f"{text}: {times}."])


def write_page(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def measure(options: Any) -> dict[str, Any]:
    import edgekit
    from edgekit.threads import share_cores

    share_cores(1)
    timed, ranked = edgekit.load(options.package), edgekit.load(options.ranked)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "photograph.jpg"
        large_photograph(picture)
        rounds = options.rounds or 20
        times = {
            "the runner": runner_times(options.package, picture, rounds),
            "Python": python_times(timed, picture, rounds),
        }
    return {
        "times": {
            name: {each: summary(samples) for each, samples in found.items()}
            | {"ratio": min(found["scaled"]) / min(found["full"])}
            for name, found in times.items()
        },
        "errors": errors(),
        "agreement": agreement(ranked),
    }


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("package", type=Path, help="a .ptl of mobilenet_v3_small, which is timed")
    arguments.add_argument("ranked", type=Path, help="a .ptl with trained weights, whose labels are compared")
    arguments.add_argument("--write", action="store_true", help=f"write the figures into {PAGE}")
    options = arguments.parse_args()
    print_context()
    results = measure(options)
    if options.json:
        print_document(results)
    else:
        print(table(results))
    if options.write:
        write_page(table(results))
    return 0 if all(it["ratio"] <= MOST_TIME for it in results["times"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
