#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The share of pixels with the same label in two folders of masks. Ends with 1 below --at-least, or where files are missing."""
import argparse
import pathlib
import sys

try:
    import numpy
    from PIL import Image
except ImportError as error:
    sys.exit(f"cannot compare: {error}")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("one", type=pathlib.Path)
parser.add_argument("other", type=pathlib.Path)
# Far below what roundings change, far above what masks have in common that have nothing to do with each other.
parser.add_argument("--at-least", type=float, default=0.8)
arguments = parser.parse_args()
names = sorted(path.name for path in arguments.one.glob("*.png"))
if not names or names != sorted(path.name for path in arguments.other.glob("*.png")):
    sys.exit(f"'{arguments.one}' and '{arguments.other}' do not have the same masks")
same = pixels = 0
for name in names:
    left, right = (numpy.asarray(Image.open(folder / name)) for folder in (arguments.one, arguments.other))
    same += int((left == right).sum())
    pixels += left.size
print(f"{same / pixels:.4%} of {pixels:,} pixels have the same label")
sys.exit(0 if same >= arguments.at_least * pixels else 1)
