"""Photographs of every kind are shown rightly, or refused with the reason."""

import io
import os
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gala_viz.collections import photo_files
from gala_viz.collections.photo_files import (
    UPLOAD_LIMITS,
    ReadingLimits,
    UnreadableImageError,
    photo_size_px,
    read_photo,
    read_thumbnail,
)
from tests.collections.pictures import encoded, gradient, oriented, png_claiming

PHOTO = gradient()


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_files_give_back_their_pixels(format):
    np.testing.assert_array_equal(read_photo(encoded(PHOTO, format)), PHOTO)


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_lossy_files_give_nearly_their_pixels(format):
    found = read_photo(encoded(PHOTO, format, quality=95))
    assert np.abs(found.astype(int) - PHOTO).mean() < 6


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(format, orientation):
    content = oriented(PHOTO, orientation, format)
    found = read_photo(content)
    assert found.shape == PHOTO.shape
    assert np.abs(found.astype(int) - PHOTO).mean() < (6 if format == "JPEG" else 0.01)
    assert photo_size_px(content) == PHOTO.shape[:2]
    with Image.open(io.BytesIO(read_thumbnail(content, 30))) as small:
        assert small.size == (30, 20)


def test_grey_pictures_have_three_equal_channels():
    grey = PHOTO[..., 0]
    found = read_photo(encoded(grey))
    np.testing.assert_array_equal(found, np.repeat(grey[..., None], 3, axis=2))


def test_sixteen_bit_grey_is_scaled_and_not_cut():
    grey = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
    for format in ("PNG", "TIFF"):
        found = read_photo(encoded(grey, format))
        np.testing.assert_array_equal(found[..., 0], np.rint(grey / 257).astype(np.uint8))
        assert (found[..., 0] == found[..., 2]).all()


def test_sixteen_bit_colour_is_scaled_and_not_cut():
    import struct
    import zlib

    values = np.random.default_rng(0).integers(0, 65536, (5, 7, 3)).astype(">u2")

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.tobytes() for row in values)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 5, 16, 2, 0, 0, 0))
    content += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    found = read_photo(content)
    assert np.abs(found.astype(int) - values.astype(int) / 257).max() <= 1


def test_bilevel_and_palette_pictures_are_read():
    bilevel = Image.fromarray(PHOTO[..., 0]).convert("1", dither=Image.Dither.NONE)
    assert set(np.unique(read_photo(encoded(bilevel)))) == {0, 255}
    palette = Image.fromarray(PHOTO).quantize(64)
    np.testing.assert_array_equal(read_photo(encoded(palette)), np.asarray(palette.convert("RGB")))


def test_transparency_shows_the_stated_background():
    layer = np.zeros((4, 4, 4), dtype=np.uint8)
    layer[:2, :, 3] = 255  # the upper half is opaque black
    found = read_photo(encoded(layer))
    assert (found[:2] == 0).all()
    assert (found[2:] == 255).all()
    grey = read_photo(encoded(layer), ReadingLimits(background=(128, 128, 128)))
    assert (grey[2:] == 128).all()
    half = read_photo(encoded(Image.new("LA", (3, 3), (0, 128))))
    assert np.abs(half.astype(int) - 127).max() <= 1


def test_a_transparent_palette_entry_and_a_transparent_grey_level_show_the_background():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    np.testing.assert_array_equal(read_photo(encoded(palette, transparency=0)), [[[255, 255, 255], [0, 255, 0]]])
    grey = Image.fromarray(np.array([[7, 90]], dtype=np.uint8))
    np.testing.assert_array_equal(read_photo(encoded(grey, transparency=7))[0, :, 0], [255, 90])


def test_cmyk_is_converted_to_the_colours_it_prints():
    inks = np.zeros((2, 3, 4), dtype=np.uint8)
    inks[:, 0] = [0, 255, 255, 0]  # red
    inks[:, 1] = [255, 0, 255, 0]  # green
    inks[:, 2] = [0, 0, 0, 255]  # black
    for format in ("TIFF", "JPEG"):
        options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
        found = read_photo(encoded(_cmyk(inks), format, **options))[8, 8::16]
        assert np.abs(found.astype(int) - [[255, 0, 0], [0, 255, 0], [0, 0, 0]]).max() < 12


def _cmyk(inks):
    large = np.repeat(np.repeat(inks, 16, axis=0), 16, axis=1)
    return Image.frombytes("CMYK", (large.shape[1], large.shape[0]), large.tobytes())


def test_the_content_decides_and_not_the_name(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(PHOTO, "PNG"))
    np.testing.assert_array_equal(read_photo(path), PHOTO)


def test_of_an_animation_the_first_frame_is_shown():
    frames = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_photo(stream.getvalue()), PHOTO)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_a_file_cut_short_is_refused(format):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    content = encoded(noise, format)
    with pytest.raises(UnreadableImageError, match="damaged"):
        read_photo(content[: len(content) // 2])


def test_an_empty_file_a_text_and_a_folder_are_refused_by_what_they_are(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("this is no photograph")
    for name, reason in [
        ("empty.jpg", "is empty"),
        ("text.jpg", "none of PNG, JPEG"),
        ("gone.jpg", "cannot be opened"),
    ]:
        with pytest.raises(UnreadableImageError, match=reason):
            read_photo(tmp_path / name)
    with pytest.raises(UnreadableImageError, match="no regular file"):
        read_photo(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_does_not_make_the_reader_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableImageError, match="no regular file"):
        read_photo(tmp_path / "pipe.jpg")


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (8_000, 7_000), (12_000, 10_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_header_that_claims_too_many_pixels_is_refused_before_any_is_decoded(width, height):
    tracemalloc.start()
    with pytest.raises(UnreadableImageError, match="at most 50 megapixels"):
        read_photo(png_claiming(width, height))
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_the_pixel_limit_can_be_set_and_is_inclusive():
    content = encoded(PHOTO)
    assert read_photo(content, ReadingLimits(max_pixels=2400)).shape == PHOTO.shape
    with pytest.raises(UnreadableImageError, match="60 x 40 pixels"):
        read_photo(content, ReadingLimits(max_pixels=2399))


def test_an_upload_is_at_most_20_mb_of_png_jpeg_or_webp():
    assert (UPLOAD_LIMITS.max_bytes, UPLOAD_LIMITS.max_pixels) == (20_000_000, 50_000_000)
    with pytest.raises(UnreadableImageError, match=r"at most 20 MB are read; the file has 20\.0 MB"):
        read_photo(encoded(PHOTO) + b"\0" * 20_000_000, UPLOAD_LIMITS)
    for format in ("BMP", "TIFF", "GIF"):
        with pytest.raises(UnreadableImageError, match="PNG, JPEG, WEBP"):
            read_photo(encoded(PHOTO, format), UPLOAD_LIMITS)


def test_numbers_without_an_agreed_range_are_refused():
    for values in (np.random.default_rng(0).random((5, 5)).astype(np.float32), np.full((5, 5), 70_000, np.int32)):
        with pytest.raises(UnreadableImageError, match="no agreed range"):
            read_photo(encoded(values, "TIFF"))


def test_a_thumbnail_is_a_small_webp_of_the_same_picture_and_never_enlarged():
    with Image.open(io.BytesIO(read_thumbnail(encoded(gradient(600, 900), "JPEG"), 90))) as small:
        assert (small.format, small.size) == ("WEBP", (90, 60))
        found = np.asarray(small.convert("RGB")).astype(int)
    assert np.abs(found - gradient(60, 90)).mean() < 8
    with Image.open(io.BytesIO(read_thumbnail(encoded(gradient(10, 20)), 128))) as small:
        assert small.size == (20, 10)
    with pytest.raises(ValueError, match="1 to 1024"):
        read_thumbnail(encoded(PHOTO), 0)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150)
@given(st.data())
def test_damaged_files_are_refused_and_never_crash(data):
    format = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "TIFF"]))
    content = bytearray(encoded(gradient(16, 16), format))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        found = read_photo(content, ReadingLimits(max_pixels=1_000_000))
    except UnreadableImageError:
        return
    assert found.dtype == np.uint8
    assert found.shape[2] == 3


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(content):
    with pytest.raises(UnreadableImageError):
        read_photo(content)


@settings(max_examples=40)
@given(
    st.sampled_from(["1", "L", "P", "LA", "RGB", "RGBA", "I;16", "CMYK"]),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_every_mode_and_size_gives_upright_rgb_of_that_size(mode, height, width):
    image = Image.new(mode, (width, height))
    found = read_photo(encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert found.shape == (height, width, 3)
    assert found.flags.c_contiguous


def test_wrong_limits_are_refused():
    for wrong in ({"max_pixels": 0}, {"formats": ("GIF",)}, {"background": (0, 0, 300)}):
        with pytest.raises(ValueError, match=r"limits|formats|background"):
            ReadingLimits(**wrong)


@pytest.mark.parametrize(("height", "at_once"), [(10, 1), (5, 2)])
def test_uploads_that_are_decoded_share_one_amount_of_memory(monkeypatch, height, at_once):
    """Four visitors' pictures of 8 x ``height`` pixels, of which 100 are decoded at a time; other files do not wait."""
    decode, now, most = photo_files._upright_rgb, [], []

    def slow(image, limits):
        now.append(image)
        most.append(len(now))
        time.sleep(0.05)
        now.remove(image)
        return decode(image, limits)

    def largest(limits):
        most.clear()
        with ThreadPoolExecutor(4) as threads:
            assert len(list(threads.map(lambda _: photo_files.read_photo(file, limits), range(4)))) == 4
        return max(most)

    stream = io.BytesIO()
    Image.new("RGB", (8, height)).save(stream, "PNG")
    file = stream.getvalue()
    monkeypatch.setattr(photo_files, "_upright_rgb", slow)
    monkeypatch.setattr(photo_files, "UPLOAD_PIXELS", photo_files.SharedBudget(100))
    assert largest(photo_files.UPLOAD_LIMITS) == at_once
    assert largest(photo_files.FOLDER_LIMITS) > 2


def test_a_picture_that_fails_gives_its_share_back(monkeypatch):
    monkeypatch.setattr(photo_files, "UPLOAD_PIXELS", photo_files.SharedBudget(100))
    stream = io.BytesIO()
    Image.effect_noise((10, 10), 50).save(stream, "PNG")
    for _ in range(3):
        with pytest.raises(photo_files.UnreadableImageError):
            photo_files.read_photo(stream.getvalue()[:80], photo_files.UPLOAD_LIMITS)
    assert photo_files.read_photo(stream.getvalue(), photo_files.UPLOAD_LIMITS).shape == (10, 10, 3)
