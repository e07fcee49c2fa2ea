"""TFRecords written by an independent library, of both kinds, from known arrays."""

import io

import numpy as np
import simplejpeg
from tfrecord.writer import TFRecordWriter


def raw_arrays(number, side=16):
    """A photograph in 0..255 and counts of clicks, float32."""
    chance = np.random.default_rng(number)
    image = chance.integers(0, 256, (side, side, 3)).astype("<f4")
    return image, chance.poisson(0.5, (side, side, 1)).astype("<f4")


def raw_record(number, side=16, **changes):
    """The original kind: raw little-endian arrays."""
    image, heatmap = raw_arrays(number, side)
    record = {
        "image": (image.tobytes(), "byte"),
        "heatmap": (heatmap.tobytes(), "byte"),
        "label": (100 + number, "int"),
        "click_count": (int(heatmap.sum()), "int"),
    }
    return {key: value for key, value in {**record, **changes}.items() if value is not None}


def smooth_picture(number, side=32):
    """A picture without fine detail, which JPEG keeps to a few grey values."""
    y, x = np.mgrid[:side, :side] * (255 / side)
    return np.stack([x, y, np.full_like(x, 20 * number)], axis=-1).astype(np.uint8)


def jpeg_record(number, side=32, **changes):
    """The Harmonization kind: encoded pictures."""
    picture = smooth_picture(number, side)
    grey = np.ascontiguousarray(picture[..., :1])
    record = {
        "image": (simplejpeg.encode_jpeg(picture, quality=95), "byte"),
        "heatmap": (simplejpeg.encode_jpeg(grey, quality=95, colorspace="GRAY"), "byte"),
        "label": (number, "int"),
    }
    return {key: value for key, value in {**record, **changes}.items() if value is not None}


def write(path, records):
    """A TFRecord file of ``records``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = TFRecordWriter(str(path))
    for record in records:
        writer.write(record)
    writer.close()
    return path


def encoded_record(record):
    """One record's data alone."""
    writer = TFRecordWriter.__new__(TFRecordWriter)
    writer.file = io.BytesIO()
    writer.write(record)
    return writer.file.getvalue()[12:-4]
