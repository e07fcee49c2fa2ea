"""Picture files of every kind, good and bad, made on the spot."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def gradient(height=40, width=60):
    """uint8 (y, x, 3): red grows to the right, green downwards, a blue corner at the top left."""
    photo = np.zeros((height, width, 3), dtype=np.uint8)
    photo[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    photo[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    photo[: height // 4, : width // 4, 2] = 255
    return photo


def encoded(array_or_image, format="PNG", **options):
    """The bytes of a picture file."""
    image = array_or_image if isinstance(array_or_image, Image.Image) else Image.fromarray(array_or_image)
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def oriented(photo, orientation, format="PNG"):
    """``photo`` stored turned, with the EXIF orientation that turns it back."""
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](photo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    if format == "WEBP":
        options = {"lossless": True}
    return encoded(np.ascontiguousarray(stored), format, exif=exif, **options)


def png_claiming(width, height):
    """A valid PNG header that claims a size, without the pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
