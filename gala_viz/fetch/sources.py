"""The table of what ``gala-viz fetch`` knows: addresses, parts, licences, citations, and how each set is opened.

No address was visited when this was written: they are as public repositories quote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gala_viz.registry import Registry

NOT_VISITED = (
    "No address was visited when this was written; each is as a public repository quotes it, or put together as noted."
)
_CLICKME = (
    "D. Linsley, D. Shiebler, S. Eberhardt, T. Serre. Learning what and where to attend. ICLR 2019, arXiv 1805.08819."
)
_HARMONIZATION = (
    "T. Fel, I. Felipe, D. Linsley, T. Serre. Harmonizing the object recognition strategies of deep neural networks "
    "with humans. NeurIPS 2022, arXiv 2211.04533."
)
_CONNECTOMICS = "https://connectomics.clps.brown.edu/tf_records"
_SERRELAB = "https://storage.googleapis.com/serrelab/prj_harmonization"
_SALICON = "https://s3.amazonaws.com/salicon-dataset/2015r1"
_TJUDD = "http://people.csail.mit.edu/tjudd/WherePeopleLook"
_OSIE_FOLDER = "predicting-human-gaze-beyond-pixels-master"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file of a source.

    ``name`` is its path in the folder that is made, ``checksum`` "md5:..." or "sha256:..." where a public repository
    tells one. A zip archive with ``unpack_into`` is unpacked into that folder ("" is the folder that is made).
    ``inside`` maps files of the archive to their checksums.
    """

    name: str
    url: str
    checksum: str | None = None
    unpack_into: str | None = None
    inside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A set of data or weights: its parts by name, and what a user must know of it.

    ``opens`` are commands in which FOLDER stands for the folder that is made. A source with ``shards`` has numbered
    files: part -> (name, address, number of shards), with "{}" for the number.
    """

    title: str
    licence: str
    citation: str
    opens: tuple[str, ...]
    parts: Mapping[str, tuple[SourceFile, ...]] = field(default_factory=dict)
    shards: Mapping[str, tuple[str, str, int]] = field(default_factory=dict)
    note: str = ""


SOURCES: Registry[Source] = Registry(
    "source",
    {
        "clickme": Source(
            title="ClickMe, one NPZ file (image, heatmap, label) for each of 196,499 images, in zip archives",
            licence="not stated where the addresses were found; ask the authors before you pass it on",
            citation=_CLICKME,
            parts={
                part: (
                    SourceFile(
                        name=f"clickme_{part}.zip", url=f"{_CONNECTOMICS}/clicktionary_files/clickme_{part}.zip"
                    ),
                )
                for part in ("train", "val", "test")
            },
            opens=("gala-viz compare --collection FOLDER/clickme_val.zip",),
            note="archives open as they are and need not be unpacked",
        ),
        "clickme-tfrecords": Source(
            title="ClickMe as TFRecords, the original form",
            licence="not stated where the addresses were found; ask the authors before you pass it on",
            citation=_CLICKME,
            parts={
                part: (SourceFile(name=f"clickme_{part}.tfrecords", url=f"{_CONNECTOMICS}/clickme_{part}.tfrecords"),)
                for part in ("train", "val", "test")
            },
            opens=("gala-viz compare --collection FOLDER",),
            note="names of files put together with the address of their listing",
        ),
        "clickme-harmonization": Source(
            title="ClickMe as TFRecords of the Harmonization toolbox, 318 shards of train and 17 of val",
            licence="not stated where the addresses were found (the toolbox itself: MIT)",
            citation=f"{_HARMONIZATION} {_CLICKME}",
            shards={
                "train": ("train/train-{}.tfrecords", f"{_SERRELAB}/dataset/click-me/train/train-{{}}.tfrecords", 318),
                "val": ("val/val-{}.tfrecords", f"{_SERRELAB}/dataset/click-me/val/val-{{}}.tfrecords", 17),
            },
            opens=("gala-viz compare --collection FOLDER",),
        ),
        "osie": Source(
            title="OSIE: 700 photographs, fixations of 15 people, and mouse samples",
            licence="MIT",
            citation="J. Xu, M. Jiang, S. Wang, M. Kankanhalli, Q. Zhao. Predicting human gaze beyond pixels. Journal "
            "of Vision, 2014.",
            parts={
                "all": (
                    SourceFile(
                        name="osie.zip",
                        url="https://github.com/NUS-VIP/predicting-human-gaze-beyond-pixels/archive/refs/heads/master.zip",
                        unpack_into="",
                        inside={f"{_OSIE_FOLDER}/data/eye/fixations.mat": "md5:8efdf6fe66f38b6e70f854c7ff45aa70"},
                    ),
                )
            },
            opens=(f"gala-viz compare --collection FOLDER/{_OSIE_FOLDER}",),
            note="address put together from the repository's name; the archive is made anew by its "
            "host, so that its own checksum may change; that of the fixations is known",
        ),
        "salicon": Source(
            title="SALICON, release of 2015: photographs and fixations from mouse movements",
            licence="CC BY 4.0 as its site states (not checked); photographs: MS COCO's own terms",
            citation="M. Jiang, S. Huang, J. Duan, Q. Zhao. SALICON: saliency in context. CVPR 2015.",
            parts={
                part: (
                    SourceFile(name=f"{part}.zip", url=f"{_SALICON}/{part}.zip", unpack_into="images"),
                    SourceFile(
                        name=f"annotations/fixations_{part}2014.json", url=f"{_SALICON}/fixations_{part}2014.json"
                    ),
                )
                for part in ("train", "val")
            },
            opens=("gala-viz compare --collection FOLDER",),
        ),
        "mit1003": Source(
            title="MIT1003: 1,003 photographs and the gaze of 15 people",
            licence="none given; ask the authors",
            citation="T. Judd, K. Ehinger, F. Durand, A. Torralba. Learning to predict where humans look. ICCV 2009.",
            parts={
                "all": (
                    SourceFile(
                        name="ALLSTIMULI.zip",
                        url=f"{_TJUDD}/ALLSTIMULI.zip",
                        checksum="md5:0d7df8b954ecba69b6796e77b9afe4b6",
                        unpack_into="",
                    ),
                    SourceFile(
                        name="DATA.zip",
                        url=f"{_TJUDD}/DATA.zip",
                        checksum="md5:ea19d74ad0a0144428c53e9d75c2d71c",
                        unpack_into="",
                    ),
                )
            },
            opens=("gala-viz compare --collection FOLDER",),
        ),
        "cat2000": Source(
            title="CAT2000, training set: 2,000 pictures of 20 categories, fixations of 18 people each",
            licence="research use (from memory; check its site)",
            citation="A. Borji, L. Itti. CAT2000: a large scale fixation dataset for boosting saliency research. CVPR "
            "2015 workshop on the future of datasets, arXiv 1505.03581.",
            parts={
                "all": (
                    SourceFile(
                        name="trainSet.zip",
                        url="http://saliency.mit.edu/trainSet.zip",
                        checksum="md5:56ad5c77e6c8f72ed9ef2901628d6e48",
                        unpack_into="",
                    ),
                )
            },
            opens=("gala-viz compare --collection FOLDER/trainSet",),
        ),
        "harmonized-weights": Source(
            title="weights of the Harmonization toolbox's seven networks, Keras .h5",
            licence="MIT (the toolbox; its weights are not named apart)",
            citation=_HARMONIZATION,
            parts={
                name: (SourceFile(name=f"{name}_harmonized.h5", url=f"{_SERRELAB}/models/{name}_harmonized.h5"),)
                for name in (
                    "resnet50v2",
                    "vgg16",
                    "efficientnetB0",
                    "vit-b16",
                    "convnext_tiny",
                    "maxvit_tiny",
                    "levit_small",
                )
            },
            opens=("gala-viz convert keras FOLDER/resnet50v2_harmonized.h5 --out resnet50v2-harmonized",),
            note="ConvNeXt, MaxViT and LeViT do not convert",
        ),
    },
)
"""Name -> source."""


def select_files(name: str, parts: tuple[str, ...] = (), shards: str = "") -> list[SourceFile]:
    """Return the files of the source ``name`` that are wanted.

    ``parts`` are names of its parts (default: all); ``shards`` of a source that has them are numbers from 0 such as
    "0-3", "0,5-7" or "all". Raises ``UnknownNameError`` for an unknown source, ``ValueError`` for an unknown part or
    shard.
    """
    source = SOURCES[name]
    known = tuple(source.parts or source.shards)
    if unknown := [part for part in parts if part not in known]:
        raise ValueError(f"{name} has no part {unknown[0]!r}; its parts are {', '.join(known)}.")
    chosen = parts or known
    if not source.shards:
        if shards:
            raise ValueError(f"{name} is not in shards; leave --shards out.")
        return [file for part in chosen for file in source.parts[part]]
    if not shards:
        counts = ", ".join(f"0-{source.shards[part][2] - 1} of {part}" for part in known)
        raise ValueError(
            f"{name} is in shards, {counts}; say which: --shards 0-3 (with --parts for one of them), or all."
        )
    files = []
    for part in chosen:
        path, url, count = source.shards[part]
        files += [SourceFile(name=path.format(one), url=url.format(one)) for one in _numbers(shards, count, part)]
    return files


def _numbers(shards: str, count: int, part: str) -> list[int]:
    if shards.strip() == "all":
        return list(range(count))
    numbers: set[int] = set()
    for piece in shards.split(","):
        first, _, last = piece.strip().partition("-")
        if not (first.isascii() and first.isdigit() and (not last or (last.isascii() and last.isdigit()))):
            raise ValueError(f"shards are numbers such as 0-3 or 0,5-7, or all; got {shards!r}.")
        low, high = int(first), int(last or first)
        if high < low or high >= count:
            raise ValueError(f"{part} has the shards 0 to {count - 1}; got {piece.strip()!r}.")
        numbers.update(range(low, high + 1))
    return sorted(numbers)
