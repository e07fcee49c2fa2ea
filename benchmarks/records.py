"""How long ClickMe records take to index, and to read with their photographs and maps, in each of their forms.

Run: python benchmarks/records.py [--records 10000] [--side 256] [--forms raw jpeg npz] [--repeats 3]. Files are made
in a temporary folder (raw records of 256 px take 1 MB each); a fresh process with an empty cache indexes, another one
reads. Two threads read, as ``TrainingImages`` and ``usable_maps`` do on two cores. Medians of ``--repeats`` are
printed, also of the seconds of the processor, which other work on the machine disturbs less. The aim is 5 s and 15 s
for 10,000 TFRecords.
"""

from __future__ import annotations

import argparse
import os
import platform
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import simplejpeg

from gala_viz.protobuf import masked_crc32c

OPEN = """
import resource, sys, time
from gala_viz.collections import open_collection
start, processor = time.perf_counter(), time.process_time()
collection = open_collection(sys.argv[1])
seconds = time.perf_counter() - start, time.process_time() - processor
print(len(collection), *seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
READ = """
import resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from gala_viz.collections import open_collection
collection = open_collection(sys.argv[1])
def read(image):
    return collection.photo(image).nbytes + collection.human_map(image).nbytes
start, processor = time.perf_counter(), time.process_time()
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    sum(pool.map(read, collection.images))
seconds = time.perf_counter() - start, time.process_time() - processor
print(len(collection), *seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def example(image: bytes, heatmap: bytes, label: int) -> bytes:
    """A tf.train.Example of two strings of bytes and a whole number."""
    features = {
        "image": field(1, field(1, image)),
        "heatmap": field(1, field(1, heatmap)),
        "label": field(3, field(1, varint(label))),
    }
    return field(1, b"".join(field(1, field(1, name.encode()) + field(2, value)) for name, value in features.items()))


def make(folder: Path, form: str, n_records: int, side: int) -> None:
    """Write a file of records, or a folder of NPZ files, of smooth pictures."""
    folder.mkdir()
    y, x = np.mgrid[:side, :side] * (255 / side)
    photo = np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8)
    heatmap = np.exp(-((x - 90) ** 2 + (y - 120) ** 2) / 2000).astype("<f4")
    if form == "npz":
        (folder / "clickme_val").mkdir()
        for number in range(n_records):
            np.savez(folder / f"clickme_val/{number}.npz", image=photo, heatmap=heatmap, label=number % 1000)
        return
    if form == "raw":
        parts = photo.astype("<f4").tobytes(), (9 * heatmap).round().astype("<f4").tobytes()
    else:
        grey = np.ascontiguousarray((255 * heatmap).astype(np.uint8)[..., None])
        parts = simplejpeg.encode_jpeg(photo), simplejpeg.encode_jpeg(grey, colorspace="GRAY")
    contents = [example(*parts, label) for label in range(min(n_records, 50))]
    packed = []
    for content in contents:
        head = struct.pack("<Q", len(content))
        packed.append(
            head + struct.pack("<I", masked_crc32c(head)) + content + struct.pack("<I", masked_crc32c(content))
        )
    with (folder / "clickme_val.tfrecords").open("wb") as file:
        for number in range(n_records):
            file.write(packed[number % len(packed)])


def run(script: str, arguments: list[str], cache: Path) -> tuple[int, float, float, float]:
    """Return the number of records, seconds, those of the processor, and peak memory in MB, of a process of its own."""
    environment = {**os.environ, "GALA_VIZ_CACHE": str(cache)}
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environment, capture_output=True, check=True, text=True
    )
    count, seconds, processor, peak = result.stdout.split()
    return int(count), float(seconds), float(processor), float(peak) / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--forms", nargs="+", choices=["raw", "jpeg", "npz"], default=["raw", "jpeg", "npz"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{options.records} records of {options.side} px, {options.threads} threads read; medians of "
        f"{options.repeats}, seconds / seconds of the processor (peak MB)\n"
    )
    print(f"{'form':<8}{'written':>10}{'index':>22}{'open again':>22}{'read with maps':>22}")
    for form in options.forms:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "records"
            start = time.perf_counter()
            make(folder, form, options.records, options.side)
            told = [f"{time.perf_counter() - start:.1f}".rjust(10)]
            for runs in zip(*(measure(folder, Path(temporary) / f"cache{number}", options.threads)
                              for number in range(options.repeats)), strict=True):  # fmt: skip
                if any(count != options.records for count, *_ in runs):
                    raise RuntimeError(f"{options.records} records were made; {[one[0] for one in runs]} were found.")
                seconds, processor, peak = (median(one[place] for one in runs) for place in (1, 2, 3))
                told.append(f"{seconds:.2f} / {processor:.2f} ({peak:.0f})".rjust(22))
            print(f"{form:<8}{''.join(told)}", flush=True)


def measure(folder: Path, cache: Path, threads: int) -> list[tuple[int, float, float, float]]:
    """Index, open again, and read."""
    runs = [run(OPEN, [str(folder)], cache), run(OPEN, [str(folder)], cache)]
    return [*runs, run(READ, [str(folder), str(threads)], cache)]


if __name__ == "__main__":
    main()
