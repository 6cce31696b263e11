"""Makes photo.safetensors and cases.json with pydensecrf2 (pip install 'cython<3' numpy pillow setuptools wheel, then
pip install --no-build-isolation pydensecrf2). Run it in this folder."""

import importlib.metadata
import json
import platform

import numpy as np
import pydensecrf.densecrf as dcrf
from PIL import Image

SEED, HEIGHT, WIDTH, CLASSES = 20261129, 36, 48, 5
PHOTO, BOX = "data/suim8/images/%s", (180, 160, 324, 268)
random = np.random.RandomState(SEED)

name = "d_r_47_.jpg"
photo = Image.open("../../../../" + PHOTO % name).convert("RGB").resize((WIDTH, HEIGHT), Image.BOX, box=BOX)
image = np.array(photo)

# A coarse grid of random classes that lean on the colours, made smooth: what patches give.
rows, columns = HEIGHT // 9, WIDTH // 8
grid = random.normal(size=(rows, columns, CLASSES))
colours = np.asarray(photo.resize((columns, rows), Image.BOX)).astype(np.float64)
grid += (colours - colours.mean((0, 1))) / 40 @ random.normal(size=(3, CLASSES))
smooth = [Image.fromarray(grid[..., k].astype(np.float32)).resize((WIDTH, HEIGHT), Image.BILINEAR) for k in range(CLASSES)]
logits_times_32 = np.clip(np.rint(np.stack(smooth, -1) * 32), -127, 127).astype(np.int8)
logits = logits_times_32.astype(np.float64) / 32

probabilities = np.exp(logits)
probabilities /= probabilities.sum(-1, keepdims=True)
unary = np.ascontiguousarray(-np.log(probabilities).reshape(-1, CLASSES).T.astype(np.float32))

SETTINGS = {
    "defaults": {"iterations": 10, "position": [3.0, 1.0], "bilateral": [4.0, 67.0, 3.0]},
    "wide": {"iterations": 5, "position": [2.0, 3.0], "bilateral": [5.0, 20.0, 13.0]},
}
tensors = {"image": image, "logits_times_32": logits_times_32}
cases = []
for case, settings in SETTINGS.items():
    crf = dcrf.DenseCRF2D(WIDTH, HEIGHT, CLASSES)
    crf.setUnaryEnergy(unary)
    weight, std = settings["position"]
    crf.addPairwiseGaussian(sxy=std, compat=weight)
    weight, std, colour_std = settings["bilateral"]
    crf.addPairwiseBilateral(sxy=std, srgb=colour_std, rgbim=np.ascontiguousarray(image), compat=weight)
    marginals = np.array(crf.inference(settings["iterations"])).T.reshape(HEIGHT, WIDTH, CLASSES)
    tensors[f"marginals_{case}"] = marginals.astype(np.float16)
    changed = (marginals.argmax(-1) != logits.argmax(-1)).mean()
    cases.append({"name": case, **settings, "changed_labels": round(float(changed), 4)})

header, offset = {}, 0
for key, tensor in tensors.items():
    dtype = {"uint8": "U8", "int8": "I8", "float16": "F16"}[str(tensor.dtype)]
    header[key] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
    offset += tensor.nbytes
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("photo.safetensors", "wb") as file:
    file.write(len(text).to_bytes(8, "little") + text)
    for tensor in tensors.values():
        file.write(np.ascontiguousarray(tensor).tobytes())

facts = {
    "family": "dense_crf",
    "seed": SEED,
    "produced_by": {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pydensecrf2": importlib.metadata.version("pydensecrf2"),
        "script": "make.py",
    },
    "image": f"{PHOTO % name}, a box of it made smaller",
    "tensors": {
        "image": "uint8 [H,W,3]",
        "logits_times_32": "int8 [H,W,C]: logit = value / 32",
        "marginals_CASE": "float16 [H,W,C], DenseCRF2D.inference: position is [compat, sxy], bilateral [compat, sxy, srgb]",
    },
    "file": "photo.safetensors",
    "classes": CLASSES,
    "changed_labels": "share of pixels whose best class is another one after than before",
    "tolerance": {"marginals_abs": 1e-3},
    "cases": cases,
}
with open("cases.json", "w") as file:
    json.dump(facts, file, indent=1)
    file.write("\n")
