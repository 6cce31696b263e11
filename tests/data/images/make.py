#!/usr/bin/env python3
"""Writes small image files of many kinds beside this script, and expected.safetensors: what Pillow makes of each.

NAME is the picture as stored, uint8 [H, W, 3]; NAME.upright after ImageOps.exif_transpose, where the file has an orientation.
Files of samples with fewer bits than they are stored in have their highest eight bits instead, which Pillow does not give.
Needs Pillow, NumPy and tifffile; made with Pillow 13.0.0, NumPy 2, tifffile 2026.
"""
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageOps, PngImagePlugin

HERE = Path(__file__).resolve().parent
expected = {}


def picture(height, width, seed=1):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    values = np.round(127.5 + 120 * np.sin(0.31 * x + 0.17 * y + 2 * c + seed))
    return values.astype(np.uint8)


RGB = picture(6, 9)
GREY = RGB[:, :, 1]
ALPHA = np.dstack([RGB, picture(6, 9, 3)[:, :, 0]])


def three(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


def note(name, stored=None):
    """Records what Pillow reads; `stored` goes before that. Needed for a TIFF with an orientation: Pillow always turns those."""
    with Image.open(HERE / name) as image:
        is_turned = image.getexif().get(0x0112, 1) in range(2, 9)
        expected[name] = np.asarray(image.convert("RGB")) if stored is None else stored
    if is_turned:
        with Image.open(HERE / name) as image:
            expected[name + ".upright"] = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def save(name, array, **options):
    mode = options.pop("mode", None)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(HERE / name, **options)
    note(name)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(name, samples, depth, colour, before=b"", after=b""):
    """A PNG of [H, W] or [H, W, 3] samples, with chunks before and after the pixels."""
    height, width = samples.shape[:2]
    rows = samples.astype(">u2" if depth == 16 else "u1").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    (HERE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", zlib.compress(raw, 9)) + after +
                              chunk(b"IEND", b""))


def exif(value, kind=3, endian="<"):
    """The EXIF of an orientation of that TIFF type."""
    entry = struct.pack(endian + "HHIHH", 0x0112, kind, 1, value, 0) if kind == 3 else \
        struct.pack(endian + "HHII", 0x0112, kind, 1, value)
    magic = b"II*\0" if endian == "<" else b"MM\0*"
    return magic + struct.pack(endian + "IH", 8, 1) + entry + struct.pack(endian + "I", 0)


def xmp(value, is_element=False):
    inside = f"<tiff:Orientation>{value}</tiff:Orientation>" if is_element else ""
    attribute = "" if is_element else f' tiff:Orientation="{value}"'
    return (f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description{attribute}>{inside}'
            "</rdf:Description></rdf:RDF></x:xmpmeta>").encode()


def tiffs():
    save("rgb.tif", RGB)
    save("lzw.tif", RGB, compression="tiff_lzw")
    save("alpha.tif", ALPHA)
    save("grey.tif", GREY)
    save("bilevel.tif", np.where(GREY > 127, 255, 0).astype(np.uint8), mode="1", compression="group4")
    save("palette.tif", RGB, mode="P")
    save("cmyk.tif", RGB, mode="CMYK")
    save("jpeg.tif", picture(24, 40), compression="jpeg", quality=90)

    def write(name, array, stored=None, **options):
        tifffile.imwrite(HERE / name, array, metadata=None, software=None, **options)
        note(name, stored)

    large = picture(20, 37)
    write("tiles.tif", large, photometric="rgb", tile=(16, 16), compression="zlib", predictor=True)
    write("planes.tif", np.moveaxis(RGB, 2, 0), RGB, photometric="rgb", planarconfig="separate")
    write("white.tif", GREY, three(255 - GREY), photometric="miniswhite")
    write("big.tif", RGB, RGB, photometric="rgb", bigtiff=True, extratags=[(274, "H", 1, 6, True)])
    wide = RGB.astype(np.uint16) * 257
    write("rgb16.tif", wide, RGB, photometric="rgb", byteorder=">")
    write("grey12.tif", GREY.astype(np.uint16) * 16 + 5, three(GREY), photometric="minisblack")
    write("tiles16.tif", (large.astype(np.uint16) * 64 + 63), large, photometric="rgb", tile=(16, 16))
    for name, tag in (("short.tif", (274, "H", 1, 6, True)), ("long.tif", (274, "I", 1, 8, True))):
        write(name, RGB, RGB, photometric="rgb", extratags=[tag])
    write("xmp.tif", RGB, RGB, photometric="rgb", extratags=[(700, "B", len(xmp(5)), xmp(5), True)])
    with tifffile.TiffWriter(HERE / "pages.tif") as writer:
        writer.write(RGB, photometric="rgb", metadata=None)
        writer.write(255 - RGB, photometric="rgb", metadata=None)
    note("pages.tif", RGB)
    # Refused: float, and a preview in front.
    tifffile.imwrite(HERE / "float.tif", GREY.astype(np.float32) / 255, metadata=None, photometric="minisblack")
    tifffile.imwrite(HERE / "preview.tif", RGB, metadata=None, photometric="rgb", subfiletype=1)


def webps():
    save("lossy.webp", picture(24, 40), quality=80)
    save("lossless.webp", RGB, lossless=True)
    save("alpha.webp", ALPHA, lossless=True, exact=True)
    save("lossy_alpha.webp", np.dstack([picture(24, 40), picture(24, 40, 3)[:, :, 0]]), quality=80)
    save("exif.webp", RGB, lossless=True, exif=b"Exif\0\0" + exif(6))
    save("xmp.webp", RGB, lossless=True, xmp=xmp(8))
    frames = [Image.fromarray(picture(12, 16, seed)) for seed in (1, 2, 3)]
    frames[0].save(HERE / "animated.webp", save_all=True, append_images=frames[1:], lossless=True)
    note("animated.webp")


def orientations():
    def jpeg(name, **options):
        save(name, picture(16, 24), quality=90, **options)

    jpeg("exif_long.jpg", exif=b"Exif\0\0" + exif(6, kind=4, endian=">"))
    jpeg("exif_twice.jpg", exif=b"Exif\0\0Exif\0\0" + exif(8))
    jpeg("xmp.jpg", xmp=xmp(6))
    jpeg("xmp_element.jpg", xmp=xmp(3, is_element=True))
    jpeg("exif_and_xmp.jpg", exif=b"Exif\0\0" + exif(3), xmp=xmp(6))
    jpeg("exif_byte.jpg", exif=b"Exif\0\0" + exif(6, kind=1), xmp=xmp(8))
    digits = (b"Exif\0\0" + exif(6)).hex()
    profile = f"\nexif\n{len(digits) // 2:8}\n{digits[:72]}\n{digits[72:]}\n".encode()
    keyword = b"Raw profile type exif\0"
    chunks = {
        "exif_after.png": (b"", chunk(b"eXIf", exif(6))),
        "exif_before.png": (chunk(b"eXIf", exif(5, kind=4)), b""),
        "profile.png": (chunk(b"zTXt", keyword + b"\0" + zlib.compress(profile)), b""),
        "profile_text.png": (b"", chunk(b"tEXt", keyword + profile)),
        "profile_and_exif.png": (chunk(b"tEXt", keyword + profile), chunk(b"eXIf", exif(8))),
        "xmp.png": (chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(7)), b""),
        "xmp_packed.png": (b"", chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0x\0" + zlib.compress(xmp(2)))),
    }
    for name, (before, after) in chunks.items():
        png(name, RGB, 8, 2, before, after)
        note(name)


def depths():
    """PNGs of 16 bits with samples of fewer."""
    def write(name, samples, stored, bits=None):
        colour = 0 if samples.ndim == 2 else 2
        before = chunk(b"sBIT", bytes([bits] * (1 if colour == 0 else 3))) if bits else b""
        png(name, samples, 16, colour, before)
        expected[name] = stored

    wide = RGB.astype(np.uint16)
    write("depth10.png", wide * 4 + 1, RGB)
    write("depth12.png", GREY.astype(np.uint16) * 16 + 9, three(GREY))
    write("depth14.png", wide * 64 + 11, RGB)
    write("depth16.png", wide * 256 + 77, RGB)
    write("depth8.png", wide, RGB)
    # The PNG standard wants 12 bits scaled to 16: then the high byte is right however dark the picture is.
    write("sbit12_scaled.png", wide * 256, RGB, bits=12)
    write("sbit12.png", GREY.astype(np.uint16) * 16, three(GREY), bits=12)
    dark = (GREY // 4).astype(np.uint16) * 16  # 12 bits, though 10 would hold them
    write("sbit12_dark.png", dark, three(GREY // 4), bits=12)
    write("sbit16_dark.png", GREY.astype(np.uint16) * 16, three(GREY // 16), bits=16)


def write_expected():
    header, blob = {}, io.BytesIO()
    for name, pixels in sorted(expected.items()):
        begin = blob.tell()
        blob.write(np.ascontiguousarray(pixels, dtype=np.uint8).tobytes())
        header[name] = {"dtype": "U8", "shape": list(pixels.shape), "data_offsets": [begin, blob.tell()]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (HERE / "expected.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + blob.getvalue())


for part in (tiffs, webps, orientations, depths, write_expected):
    part()
