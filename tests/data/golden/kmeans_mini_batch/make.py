"""Makes blobs.safetensors and cases.json with scikit-learn's MiniBatchKMeans. Run it in this folder."""

import json
import platform

import numpy as np
import sklearn
from sklearn.cluster import KMeans, MiniBatchKMeans, kmeans_plusplus

SEED, ROWS, DIM, CLUSTERS, BATCH_SIZE, EPOCHS = 20261107, 6000, 8, 12, 512, 50
random = np.random.RandomState(SEED)

# Overlapping blobs of unequal sizes, the rows in the order of their blobs: neighbours are alike.
sizes = np.maximum((random.dirichlet(np.full(CLUSTERS, 2.0)) * ROWS).astype(int), 40)
sizes[-1] += ROWS - sizes.sum()
centres = random.normal(size=(CLUSTERS, DIM))
rows = centres[np.repeat(np.arange(CLUSTERS), sizes)] + 0.7 * random.normal(size=(ROWS, DIM))
data_times_32 = np.clip(np.rint(rows * 32), -127, 127).astype(np.int8)
data = data_times_32.astype(np.float64) / 32

tensors = {"data_times_32": data_times_32}
cases = []
for seed in range(5):
    initial = kmeans_plusplus(data, CLUSTERS, random_state=seed)[0]
    tensors[f"initial_centroids_{seed}"] = initial.astype(np.float32)
    model = MiniBatchKMeans(CLUSTERS, init=initial, n_init=1, batch_size=BATCH_SIZE, max_iter=EPOCHS, random_state=seed)
    model.fit(data)
    lloyd = KMeans(CLUSTERS, init=initial, n_init=1, tol=0.0).fit(data)
    cases.append({"seed": seed, "inertia": model.inertia_, "batches": model.n_steps_, "lloyd_inertia": lloyd.inertia_})

# Running means over batches of all rows need no random order.
model = MiniBatchKMeans(CLUSTERS, init=tensors["initial_centroids_0"].astype(np.float64), n_init=1, reassignment_ratio=0.0)
for batch in range(1, 9):
    model.partial_fit(data)
    if batch in (1, 2, 8):
        tensors[f"full_batches_{batch}.centroids"] = model.cluster_centers_.copy()

header, offset = {}, 0
for name, tensor in tensors.items():
    dtype = {"int8": "I8", "float32": "F32", "float64": "F64"}[str(tensor.dtype)]
    header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
    offset += tensor.nbytes
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("blobs.safetensors", "wb") as file:
    file.write(len(text).to_bytes(8, "little") + text)
    for tensor in tensors.values():
        file.write(np.ascontiguousarray(tensor).tobytes())

facts = {
    "family": "kmeans_mini_batch",
    "seed": SEED,
    "produced_by": {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "sklearn": sklearn.__version__,
        "script": "make.py",
    },
    "tensors": {
        "data_times_32": "int8 [n,d]: data = value / 32, exact in float32; rows in the order of their blobs",
        "initial_centroids_S": "float32 [K,d], first centroids of the case with seed S",
        "full_batches_B.centroids": "float64 [K,d], after B batches of all rows from initial_centroids_0 (partial_fit without reassignment)",
    },
    "file": "blobs.safetensors",
    "n": ROWS,
    "d": DIM,
    "k": CLUSTERS,
    "batch_size": BATCH_SIZE,
    "epochs": EPOCHS,
    "inertia": "of all rows to the final centroids; lloyd_inertia that of KMeans from the same first centroids until nothing changes",
    "tolerance": {"full_batches_centroids_abs": 1e-5, "mean_inertia_rel": 0.01},
    "cases": cases,
}
with open("cases.json", "w") as file:
    json.dump(facts, file, indent=1)
    file.write("\n")
