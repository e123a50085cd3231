"""Memory in MB and time in minutes that jobs ask of a cluster, from the size of what they read.

Each attempt asks for as much again, so that a job that was killed for want of either gets on.
"""

from math import prod

# A workstation has one graphics card unless --resources gpu=N says more; a cluster, where `nodes` is
# the number of its jobs, shares out its own.
if workflow.nodes is None and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)

# MB for a million voxels in work, and million voxels a second on the 8 cores that a job asks for;
# a graphics card is faster. Training holds what its gradients need.
PREDICTING_MB = {"small": 150, "base": 250, "large": 700}
PREDICTING_RATE = {"small": 1.0, "base": 0.3, "large": 0.03}
TRAINING_MB = {"small": 2000, "base": 4000, "large": 16000}


def growing(least, per_megabyte):
    """What a job asks for: so much, and more for each MB of its inputs."""

    def ask(wildcards, input, attempt):
        # The size is not known before the inputs are there: do not wait for it where it plays no part.
        more = per_megabyte * input.size_mb if per_megabyte else 0
        return int(attempt * (least + more))

    return ask


def memory(least, share_of_input=0):
    """So many MB, and a share of the size of the inputs."""
    return growing(least, share_of_input)


def minutes(least, per_gigabyte=0):
    """So many minutes, and more for each GB of the inputs."""
    return growing(least, per_gigabyte / 1000)


def sides(input):
    """Samples, crosslines and inlines of the volume that a job reads, by the sidecar among its inputs."""
    sidecar = input.get("sidecar") or next(path for path in input if path.endswith(".json"))
    with open(sidecar) as stream:
        content = json.load(stream)
    return [content[side] for side in ("n1", "n2", "n3")]


def memory_of_tiles(wildcards, input, attempt):
    """Of tiled prediction: a row of tiles of all attributes, whatever the number of inlines."""
    n1, n2, _ = sides(input)
    t1, t2, t3 = config["prediction"]["tile"]
    row = n1 * n2 * t3 * (1 + config["prediction"]["overlap"]) / 1e6
    tile = t1 * t2 * t3 / 1e6 * PREDICTING_MB[config["model"]["preset"]]
    return int(attempt * (1500 + 50 * row + 2 * tile))


def minutes_of_tiles(wildcards, input, attempt):
    """The same for the time of a slab."""
    n1, n2, n3 = sides(input)
    slab = n1 * n2 * min(n3 / int(wildcards.get("slabs", 1)) + config["prediction"]["tile"][2], n3)
    # Tiles overlap: each voxel is predicted more than once.
    times = 1 / (1 - config["prediction"]["overlap"]) ** 3
    seconds = slab / 1e6 * times / PREDICTING_RATE[config["model"]["preset"]]
    return int(attempt * (10 + 2 * seconds / 60))


def memory_of_copies(wildcards, input, attempt):
    """The same where copies are averaged: their mean, and the fault in the largest copy of a tile."""
    extra = 0
    if AVERAGING.copies > 1:
        largest = max(scale.vertical * scale.lateral**2 for scale in AVERAGING.scales)
        extra = 100 * (1 + max(largest, 1)) * prod(config["prediction"]["tile"]) / 1e6
    return int(memory_of_tiles(wildcards, input, attempt) + attempt * extra)


def minutes_of_copies(wildcards, input, attempt):
    """The same where copies of the survey are averaged."""
    return int(AVERAGING.cost * minutes_of_tiles(wildcards, input, attempt))


def memory_of_training(wildcards, attempt):
    """Of a batch of crops."""
    crops = config["training"]["batch_size"] * prod(config["training"]["crop"]) / 1e6
    return int(attempt * (3000 + crops * TRAINING_MB[config["model"]["preset"]]))


def minutes_of_synthesis():
    """Of all samples, on two cores."""
    chosen = config["synthetic"]
    voxels = (chosen["train"] + chosen["valid"]) * prod(config["patches"]["size"])
    return minutes(10 + voxels / 1e6 / 60)


def processes_of_training():
    """What training asks of a cluster when it is shared by several processes."""
    nodes, on_each = config["training"]["nodes"], config["training"]["gpus_per_node"]
    asked = {"gpu": nodes * on_each}
    if nodes * on_each > 1:
        # One process for each card, started by srun within the job.
        asked |= {"mpi": "srun", "nodes": nodes, "tasks": nodes * on_each, "tasks_per_gpu": 1}
    return asked


def launcher_of_training():
    """srun where a cluster runs the job; without one Lightning starts its processes itself."""
    nodes, on_each = config["training"]["nodes"], config["training"]["gpus_per_node"]
    if nodes * on_each == 1:
        return ""
    return (
        f"${{SLURM_JOB_ID:+srun --nodes={nodes} --ntasks-per-node={on_each} --kill-on-bad-exit}} "
    )
