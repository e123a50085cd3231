"""Memory in MB and time in minutes that jobs request from a cluster, by the size of their inputs.

The request grows with each attempt, so that a job that exceeds its memory or time succeeds later.
"""

from math import prod

# A workstation has one GPU unless --resources gpu=N sets another number. On a cluster (`nodes` is
# set to the maximum number of jobs) the scheduler assigns GPUs.
if workflow.nodes is None and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)

# Memory in MB per million voxels of a tile or batch, and speed in million voxels per second on 8
# CPU cores. GPUs are faster. Training also stores the activations for the gradients.
PREDICTING_MB = {"small": 150, "base": 250, "large": 700}
PREDICTING_RATE = {"small": 1.0, "base": 0.3, "large": 0.03}
TRAINING_MB = {"small": 2000, "base": 4000, "large": 16000}


def resource_by_input(base, per_megabyte):
    """A resource function: `base` plus `per_megabyte` for each MB of input, times the attempt."""

    def request(wildcards, input, attempt):
        # The size of the inputs is unknown until they exist. Do not query it if it is not used.
        more = per_megabyte * input.size_mb if per_megabyte else 0
        return int(attempt * (base + more))

    return request


def memory(base, share_of_input=0):
    """Memory in MB: `base` plus a share of the size of the inputs."""
    return resource_by_input(base, share_of_input)


def minutes(base, per_gigabyte=0):
    """Time in minutes: `base` plus `per_gigabyte` for each GB of the inputs."""
    return resource_by_input(base, per_gigabyte / 1000)


def sides(input):
    """Shape (n1, n2, n3) of the volume that a job reads, from the sidecar in its inputs."""
    sidecar = input.get("sidecar") or next(path for path in input if path.endswith(".json"))
    with open(sidecar) as stream:
        content = json.load(stream)
    return [content[side] for side in ("n1", "n2", "n3")]


def memory_of_tiles(wildcards, input, attempt):
    """Memory of tiled prediction: one row of tiles, independent of the number of inlines."""
    n1, n2, _ = sides(input)
    t1, t2, t3 = config["prediction"]["tile"]
    row = n1 * n2 * t3 * (1 + config["prediction"]["overlap"]) / 1e6
    tile = t1 * t2 * t3 / 1e6 * PREDICTING_MB[config["model"]["preset"]]
    return int(attempt * (1500 + 50 * row + 2 * tile))


def minutes_of_tiles(wildcards, input, attempt):
    """Time of the tiled prediction of a slab."""
    n1, n2, n3 = sides(input)
    slab = n1 * n2 * min(n3 / int(wildcards.get("slabs", 1)) + config["prediction"]["tile"][2], n3)
    # Tiles overlap, so each voxel is predicted several times.
    times = 1 / (1 - config["prediction"]["overlap"]) ** 3
    seconds = slab / 1e6 * times / PREDICTING_RATE[config["model"]["preset"]]
    return int(attempt * (10 + 2 * seconds / 60))


def memory_of_copies(wildcards, input, attempt):
    """Memory of inference: tiled prediction, means over copies, and the largest copy of a tile."""
    extra = 0
    if AVERAGING.copies > 1:
        largest = max(scale.vertical * scale.lateral**2 for scale in AVERAGING.scales)
        extra = 100 * (1 + max(largest, 1)) * prod(config["prediction"]["tile"]) / 1e6
    return int(memory_of_tiles(wildcards, input, attempt) + attempt * extra)


def minutes_of_copies(wildcards, input, attempt):
    """Time of inference: tiled prediction of all copies."""
    return int(AVERAGING.cost * minutes_of_tiles(wildcards, input, attempt))


def memory_of_training(wildcards, attempt):
    """Memory of training: one batch of crops."""
    crops = config["training"]["batch_size"] * prod(config["training"]["crop"]) / 1e6
    return int(attempt * (3000 + crops * TRAINING_MB[config["model"]["preset"]]))


def minutes_of_synthesis():
    """Time to synthesize all samples on two cores."""
    chosen = config["synthetic"]
    voxels = (chosen["train"] + chosen["valid"]) * prod(config["patches"]["size"])
    return minutes(10 + voxels / 1e6 / 60)


def processes_of_training():
    """GPUs, nodes and tasks that training requests from a cluster."""
    nodes, per_node = config["training"]["nodes"], config["training"]["gpus_per_node"]
    requested = {"gpu": nodes * per_node}
    if nodes * per_node > 1:
        # srun starts one process per GPU within the job.
        requested |= {"mpi": "srun", "nodes": nodes, "tasks": nodes * per_node, "tasks_per_gpu": 1}
    return requested


def launcher_of_training():
    """srun, if several processes train on a cluster. Without Slurm, Lightning starts them."""
    nodes, per_node = config["training"]["nodes"], config["training"]["gpus_per_node"]
    if nodes * per_node == 1:
        return ""
    return (
        f"${{SLURM_JOB_ID:+srun --nodes={nodes} --ntasks-per-node={per_node} --kill-on-bad-exit}} "
    )
