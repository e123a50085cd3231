"""Check that the cluster has the requested resources before any job is submitted."""

import os

from strataflow.errors import StrataflowError
from strataflow.workflow.cluster import clusters_of, requests_of, require_fit


onstart:
    executor = workflow.executor_plugin.name
    try:
        if executor == "slurm":
            jobs = [job for job in workflow.dag.needrun_jobs() if not job.is_local]
            limits = workflow.executor_settings.partition_config
            listed = bool(limits or os.environ.get("SNAKEMAKE_SLURM_PARTITIONS"))
            requests = requests_of(jobs, chosen_by_plugin=listed)
            require_fit(requests, clusters_of(requests))
        elif config["training"]["nodes"] > 1:
            raise StrataflowError(
                "config: training.nodes: several nodes require Slurm; use --profile profiles/slurm,"
                " or set 1"
            )
    except StrataflowError as error:
        sys.exit(str(error))
