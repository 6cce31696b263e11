# SPDX-License-Identifier: Apache-2.0
"""Whether the peers compute what datus computes: on the CPU, on small sizes, without a card."""
import os

from .common import Skipped, module, run


def check_vit(torch, options):
    """The weights file is read by datus, and both find the same keys."""
    from . import vit_model
    h5py, numpy, image_module = module("h5py"), module("numpy"), module("PIL.Image")
    shape = vit_model.Shape("check", 8, 64, 2, depth=3, side=64)
    weights = vit_model.random_weights(shape)
    path, folder, out = (os.path.join(options.work, name) for name in ("check.safetensors", "check", "check.h5"))
    vit_model.write_safetensors(path, weights)
    os.makedirs(folder, exist_ok=True)
    pixels = numpy.random.default_rng(1).integers(0, 256, (4, shape.side, shape.side, 3), dtype=numpy.uint8)
    for i, image in enumerate(pixels):
        image_module.fromarray(image).save(os.path.join(folder, f"{i}.png"))
    run([*options.program("datus"), "inspect", path])
    run([*options.program("datus"), "extract", "--images", folder, "--weights", path, "--out", out, "--set", f"model.input_size={shape.side}",
         "--set", f"model.heads={shape.heads}", "--set", "model.device=cpu", "--set", "storage.embeddings=float32"])
    with h5py.File(out) as file:
        ours = file["keys"][:]
    mean, deviation = numpy.float32([0.485, 0.456, 0.406]), numpy.float32([0.229, 0.224, 0.225])
    images = torch.from_numpy(((pixels.astype("float32") / 255 - mean) / deviation).transpose(0, 3, 1, 2).copy())
    models = {"plain PyTorch ViT": vit_model.plain_model(shape, weights)}
    try:
        models["timm"] = vit_model.timm_model(module("timm"), shape, weights)
    except Exception as error:  # as in the benchmark
        print(f"  timm is left out: {error}", flush=True)
    for name, model in models.items():
        with torch.no_grad():
            theirs = vit_model.Reader(model, "keys")(images).numpy()
        difference = float(numpy.abs(ours - theirs).max() / numpy.abs(ours).max())
        print(f"  keys of {name}: largest difference {difference:.1e} of the largest key", flush=True)
        if not difference < 1e-4:
            raise SystemExit(f"The keys of {name} are not those of datus: the benchmark would compare different work.")


def check_lloyd(torch, options):
    """The same labels and centroids after some iterations from the same centroids."""
    from . import lloyd
    h5py, numpy = module("h5py"), module("numpy")
    clusters, iterations = 7, 5
    rows = numpy.random.default_rng(1).standard_normal((3000, 24), dtype=numpy.float32)
    source, out = os.path.join(options.work, "rows.h5"), os.path.join(options.work, "clusters.h5")
    with h5py.File(source, "w") as file:
        file["descriptor"], file["centroids"] = rows, rows[:clusters]
    run([*options.program("datus"), "cluster", "--descriptors", source, "--k", clusters, "--init", f"{source}:/centroids", "--out", out,
         "--set", f"cluster.max_iterations={iterations}", "--set", "cluster.tolerance=0", "--set", "cluster.device=cpu"])
    with h5py.File(out) as file:
        ours = file[f"k{clusters:03d}/centroids"][:]
    _, theirs = lloyd.iterate(torch.from_numpy(rows), torch.from_numpy(rows[:clusters].copy()), iterations)
    difference = float(numpy.abs(ours - theirs.numpy()).max())
    print(f"  centroids of PyTorch's Lloyd iterations: largest difference {difference:.1e}", flush=True)
    if not difference < 1e-4:
        raise SystemExit("PyTorch's Lloyd iterations are not those of datus: the benchmark would compare different work.")


def part(options):
    torch = module("torch")
    print("Peers against datus on the CPU:", flush=True)
    for check in (check_vit, check_lloyd):
        try:
            check(torch, options)
        except Skipped as reason:
            print(f"  {check.__name__} skipped: {reason}", flush=True)
