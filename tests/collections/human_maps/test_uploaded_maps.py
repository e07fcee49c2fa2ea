"""Uploaded human maps: told from photographs by a stated rule, checked before they are unpacked, never unpickled."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.collections.human_maps.map_files import MapFileError
from gala_viz.collections.human_maps.uploaded_maps import NAMES, photograph_of, read_uploaded_map
from tests.collections.pictures import encoded, gradient

PHOTO_PX = (12, 16)
MAP = np.random.default_rng(0).random(PHOTO_PX).astype(np.float32)
GREY = encoded((255 * MAP).astype(np.uint8))
COLOURS = encoded(gradient(*PHOTO_PX))


def npy(values, **options):
    stream = io.BytesIO()
    np.save(stream, values, **options)
    return stream.getvalue()


def npz(*unnamed, **named):
    stream = io.BytesIO()
    np.savez_compressed(stream, *unnamed, **named)
    return stream.getvalue()


def npy_header(shape, descr="<f4", version=1):
    """The header of a NPY file that claims a shape, without values."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


@pytest.mark.parametrize(
    ("name", "content", "beside", "expected"),
    [
        ("cat.npy", npy(MAP), ["dog.jpg", "cat.jpg"], "cat.jpg"),
        ("cat.jpg.npy", npy(MAP), ["cat.png", "cat.jpg"], "cat.jpg"),
        ("CAT.NPZ", npz(MAP), ["CAT.webp"], "CAT.webp"),
        ("cat.png", GREY, ["cat.jpg"], "cat.jpg"),
        ("cat.png.png", GREY, ["cat.png"], "cat.png"),
        ("cafe\u0301.npy", npy(MAP), ["caf\u00e9.jpg"], "caf\u00e9.jpg"),
        ("cat.jpg", encoded(gradient(), "JPEG"), ["cat.png"], None),
        ("cat.png", COLOURS, [], None),
        ("cat.png", encoded(gradient(), "JPEG"), ["cat.jpg"], None),
    ],
)
def test_a_map_is_named_like_its_photograph_as_in_a_folder_of_maps(name, content, beside, expected):
    assert photograph_of(name, content, beside) == (expected, "")


def test_what_may_be_meant_otherwise_is_said():
    photograph, note = photograph_of("heat.png", GREY, ["cat.jpg"])
    assert photograph is None
    assert note == f"“heat.png” is grey and was added as a photograph. {NAMES}"
    photograph, note = photograph_of("cat.png", COLOURS, ["cat.jpg"])
    assert photograph is None
    assert "has colours and was added as a photograph of its own. It is no human map of “cat.jpg”" in note
    assert photograph_of("cat.png", GREY, ["cat.png"])[0] is None, "the same file again is the same photograph"


def test_a_map_without_its_photograph_or_with_two_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"“cat.npy” is a human map.*expected; uploaded are “dog.jpg”. Choose both"):
        photograph_of("cat.npy", npy(MAP), ["dog.jpg"])
    with pytest.raises(ValueError, match="none is there"):
        photograph_of("cat.npz", npz(MAP), [])
    with pytest.raises(ValueError, match=r"2 uploaded photographs have its name: “cat.jpg” and “cat.webp”\. Name"):
        photograph_of("cat.npy", npy(MAP), ["cat.jpg", "cat.webp"])


@pytest.mark.parametrize(
    ("name", "content"), [("a.npy", npy(MAP)), ("a.npz", npz(MAP)), ("a.npz", npz(anything=MAP.astype(np.float64)))]
)
def test_the_values_are_those_of_the_file_and_nobody_knows_over_how_many_people(name, content):
    human_map = read_uploaded_map(name, content, PHOTO_PX)
    np.testing.assert_array_equal(human_map.values, MAP)
    assert human_map.attrs == {"kind": "uploaded", "file": name, "n_participants": "unknown"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npy", npy(np.ones(PHOTO_PX)), "all of its values are 1: it tells no place from another"),
        ("a.npy", npy(np.zeros(PHOTO_PX)), "nobody marked anything"),
        ("a.npy", npy(MAP - 1), "at least 0"),
        ("a.npy", npy(np.where(MAP > 0.5, np.nan, MAP)), "finite"),
        ("a.npy", npy(MAP.T), r"16 x 12 cells do not fit 12 x 16 px \(height x width\). Save the map in the photogra"),
        ("a.npy", npy(np.array([[{}] * 4] * 3, object), allow_pickle=True), "never unpickled"),
        ("a.npz", npz(MAP, MAP), "one array"),
        ("a.npz", npz(maps=np.stack([MAP, MAP[::-1]]), participants=["p1", "p2"]), "those of 2 participants. Save the"),
        ("a.npy", npy_header((2**31, 2**31)), "2 to 4096 cells; this one has 2147483648 x 2147483648"),
        ("a.npy", npy_header((4096, 4096), "<f8"), "at most 67 MB is unpacked; this one has 134.2 MB"),
        ("a.npy", npy_header((4000, 4000)), "cut short: 64,000,000 bytes of values were expected, 0 came"),
        ("a.npy", npy(MAP)[:-1], "cut short"),
        ("a.png", COLOURS, "its red, green and blue differ"),
        ("a.png", GREY[:60], "cannot be read"),
        ("a.npz", b"PK", "cannot be read"),
        ("a.npy", bytes(20_000_001), "at most 20 MB are read; the file has 20.0 MB"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused_in_words(name, content, words):
    with pytest.raises(MapFileError, match=words):
        read_uploaded_map(name, content, PHOTO_PX)


def bomb(values=b"", compression=zipfile.ZIP_DEFLATED, **header):
    """An NPZ file whose member unpacks to far more than the file has."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive, archive.open("a.npy", "w") as member:
        member.write(npy_header(**header) if header else values)
        for _ in range(100):
            member.write(bytes(2**20))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(shape=PHOTO_PX), "at most 67 MB is unpacked; this one has 104.8 MB"),
        (bomb(b"\x93NUMPY\x02\x00" + struct.pack("<I", 100 * 2**20)), "at most 67 MB"),
        (bomb(b"no array", zipfile.ZIP_LZMA), "packed otherwise"),
    ],
    ids=["behind the array", "as its header", "with another packing"],
)
def test_what_unpacks_to_more_than_it_may_is_refused_before(content, words):
    assert len(content) < 2**20
    tracemalloc.start()
    with pytest.raises(MapFileError, match=words):
        read_uploaded_map("a.npz", content, PHOTO_PX)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def liar(n_bytes):
    """An NPZ file that unpacks to ``n_bytes`` more than it says."""
    content, whole = bytearray(bomb(shape=PHOTO_PX)), len(npy_header(PHOTO_PX)) + 100 * 2**20
    told = struct.pack("<I", whole - n_bytes)
    assert content.count(struct.pack("<I", whole)) >= 1
    return bytes(content.replace(struct.pack("<I", whole), told))


def test_an_npz_that_lies_about_its_size_is_unpacked_no_further_than_it_says():
    content = liar(100 * 2**20 - 4 * PHOTO_PX[0] * PHOTO_PX[1])
    tracemalloc.start()
    with pytest.raises(MapFileError):
        read_uploaded_map("a.npz", content, PHOTO_PX)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


@pytest.mark.parametrize("descr", ["<U0", "|V0", "<f4"])
def test_ids_of_participants_are_as_many_as_there_are_maps_and_of_some_width(descr):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("maps.npy", npy(MAP[None]))
        archive.writestr("participants.npy", npy_header((10**9,), descr))
    with pytest.raises(MapFileError, match="participants"):
        read_uploaded_map("a.npz", stream.getvalue(), PHOTO_PX)


def test_a_name_that_holds_more_than_the_photographs_is_another_name():
    with pytest.raises(ValueError, match="a photograph called like it was expected"):
        photograph_of("scan.2.npy", npy(MAP), ["scan.jpg"])
    assert photograph_of("scene.left.png", GREY, ["scene.jpg"])[0] is None


def test_an_npz_with_very_many_members_is_refused():
    with pytest.raises(MapFileError, match="more than 100 members"):
        read_uploaded_map("a.npz", npz(*[MAP[:2, :2]] * 200), PHOTO_PX)


DAMAGE = st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=0, max_size=6)), max_size=4)
CLAIMS = st.builds(
    npy_header,
    st.lists(st.integers(-1, 2**40), max_size=4).map(tuple),
    st.sampled_from(["<f4", ">f8", "|O", "|V1000000000", "<U9", "|b1", "<c8", "nonsense"]),
    st.sampled_from([1, 2, 3]),
)


@settings(max_examples=150)
@given(
    st.sampled_from([("a.npy", npy(MAP)), ("a.npz", npz(MAP)), ("a.png", GREY), ("a.PNG", COLOURS)]),
    DAMAGE,
    st.one_of(st.none(), CLAIMS, st.binary(max_size=80)),
)
def test_any_bytes_are_a_usable_map_or_a_sentence(whole, damage, instead):
    name, content = whole
    if instead is not None:
        content = instead
    for at, bytes_ in damage:
        content = content[:at] + bytes_ + content[at + len(bytes_) :]
    tracemalloc.start()
    try:
        values = read_uploaded_map(name, content, PHOTO_PX).values
    except MapFileError:
        values = MAP
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 80 * 2**20
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert 0 <= values.min() < values.max()
    assert photograph_of(name, content, ["a.jpg"])[0] in ("a.jpg", None)
