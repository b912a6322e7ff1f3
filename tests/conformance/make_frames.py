"""Writes frames.json: frames of cameras and the pictures that they give, as docs/c_api.md says under "Frames"."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.format.generator import generate
from edgekit.format.golden import GoldenInput

PACKED = {
    "rgb": (3, (0, 1, 2)),
    "bgr": (3, (2, 1, 0)),
    "rgba": (4, (0, 1, 2)),
    "bgra": (4, (2, 1, 0)),
    "grey": (1, (0, 0, 0)),
}
YUV = ("nv12", "nv21", "i420", "yuv420")
OUT_OF_ROWS = 0xA5  # fills the bytes between rows and pixels


def random_bytes(seed: int, *shape: int) -> np.ndarray:
    spec = GoldenInput(name="x", dtype="uint8", shape=shape, seed=seed, low=0.0, high=255.0)
    return generate(spec)


def plane(samples: np.ndarray, row_stride: int, pixel_stride: int) -> dict[str, Any]:
    """The samples [rows, columns, bytes] in memory. The last row ends with its last pixel, as in Android's planes."""
    rows, columns, size = samples.shape
    memory = np.full((rows - 1) * row_stride + (columns - 1) * pixel_stride + size, OUT_OF_ROWS, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            at = row * row_stride + column * pixel_stride
            memory[at : at + size] = samples[row, column]
    data = base64.b64encode(memory.tobytes()).decode()
    return {"data": data, "row_stride": row_stride, "pixel_stride": pixel_stride}


def rgb_of_yuv(y: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    height, width = y.shape
    u, v = (np.repeat(np.repeat(part, 2, 0), 2, 1)[:height, :width].astype(np.int64) - 128 for part in (u, v))
    red = y + ((91881 * v + 32768) >> 16)
    green = y + ((-22554 * u - 46802 * v + 32768) >> 16)
    blue = y + ((116130 * u + 32768) >> 16)
    return np.clip(np.stack([red, green, blue], -1), 0, 255).astype(np.uint8)


def packed_frame(
    pixels: str, width: int, height: int, seed: int, extra: int
) -> tuple[list[dict[str, Any]], np.ndarray]:
    size, order = PACKED[pixels]
    samples = random_bytes(seed, height, width, size)
    return [plane(samples, width * size + extra, size)], samples[:, :, list(order)]


def yuv_frame(pixels: str, width: int, height: int, seed: int, extra: int) -> tuple[list[dict[str, Any]], np.ndarray]:
    columns, rows = (width + 1) // 2, (height + 1) // 2
    y = random_bytes(seed, height, width)
    u, v = random_bytes(seed + 1, rows, columns), random_bytes(seed + 2, rows, columns)
    planes = [plane(y[:, :, None], width + extra, 1)]
    if pixels in ("nv12", "nv21"):
        both = np.stack([u, v] if pixels == "nv12" else [v, u], -1)
        planes.append(plane(both, 2 * columns + extra, 2))
    else:
        step = 2 if pixels == "yuv420" and extra else 1
        planes += [plane(part[:, :, None], step * columns + extra, step) for part in (u, v)]
    return planes, rgb_of_yuv(y.astype(np.int64), u, v)


def case(
    pixels: str,
    width: int,
    height: int,
    *,
    seed: int,
    extra: int = 0,
    rotation: int = 0,
    mirror: bool = False,
    crop: tuple[int, int, int, int] | None = None,
) -> dict[str, Any]:
    make = packed_frame if pixels in PACKED else yuv_frame
    planes, rgb = make(pixels, width, height, seed, extra)
    left, top, wide, high = crop or (0, 0, width, height)
    upright = np.rot90(rgb[top : top + high, left : left + wide], -rotation // 90)
    upright = upright[:, ::-1] if mirror else upright
    return {
        "pixels": pixels, "width": width, "height": height, "rotation": rotation, "mirror": mirror,
        "crop": list(crop) if crop else None, "planes": planes,
        "expected": {"shape": list(upright.shape), "rgb": base64.b64encode(np.ascontiguousarray(upright).tobytes()).decode()},
    }  # fmt: skip


def cases() -> list[dict[str, Any]]:
    formats = [*PACKED, *YUV]
    found = [case(pixels, 5, 3, seed=10 * i) for i, pixels in enumerate(formats)]
    found += [case(pixels, 6, 4, seed=100 + 10 * i, extra=3, rotation=90) for i, pixels in enumerate(formats)]
    for pixels in ("rgba", "yuv420"):
        for rotation in (0, 90, 180, 270):
            for mirror in (False, True):
                found.append(case(pixels, 7, 5, seed=200 + rotation, extra=4, rotation=rotation, mirror=mirror))
                found.append(
                    case(
                        pixels, 9, 6, seed=300 + rotation, extra=1, rotation=rotation, mirror=mirror, crop=(3, 1, 5, 4)
                    )
                )
    found.append(case("nv21", 1, 1, seed=400, rotation=270, mirror=True))
    return found


if __name__ == "__main__":
    text = '{"cases": [\n' + ",\n".join(json.dumps(each) for each in cases()) + "\n]}\n"
    Path(__file__).with_name("frames.json").write_text(text)
