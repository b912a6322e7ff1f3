"""Pictures beyond the image contract: WebP, AVIF and HEIC, decoded where Pillow or its plugin does."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgekit.format.picture import Decoded, UnsupportedPictureError, strict_pillow

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_LOG = logging.getLogger(__name__)
_REMEDY = "Convert it to JPEG or PNG"


def decode_beyond(kind: str, name: str, data: bytes, check_size: Callable[[int, int], None]) -> Decoded:
    """Decode a picture that is neither JPEG nor PNG, and say that it is beyond the contract.

    Args:
        kind: what it is, for example `WebP`.
        name: its name, for the message.
        data: the file.
        check_size: gets width and height before the pixels are decoded, and raises if there are too many.

    Raises:
        UnsupportedPictureError: this machine's Pillow does not decode it.
        OSError, ValueError, SyntaxError: it is damaged.
    """
    import numpy as np

    with strict_pillow():
        image = _open(kind, io.BytesIO(data))
        check_size(*image.size)
        image.load()
        exif = image.info.get("exif") or b""
        pixels = np.array(image.convert("RGB"))
    _LOG.warning(
        "%s is %s, which is beyond the image contract: the runner and other readers may refuse it. %s for them.",
        name,
        kind,
        _REMEDY,
    )
    return Decoded(pixels=pixels, exif=exif)


def _open(kind: str, file: io.BytesIO) -> ImageFile:
    from PIL import features

    if kind == "WebP" and features.check("webp"):
        from PIL.WebPImagePlugin import WebPImageFile

        return WebPImageFile(file)
    if kind == "AVIF" and features.check("avif"):
        from PIL.AvifImagePlugin import AvifImageFile

        return AvifImageFile(file)
    if kind == "HEIC":
        try:
            from pillow_heif import HeifImageFile
        except ImportError as error:
            raise UnsupportedPictureError(
                f'HEIC, expected JPEG or PNG. {_REMEDY}, or install "edgekit[heic]"'
            ) from error
        image: ImageFile = HeifImageFile(file)
        return image
    raise UnsupportedPictureError(f"{kind}, expected JPEG or PNG. {_REMEDY}")
