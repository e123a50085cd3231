"""Before the first job is sent to a cluster: are there the partitions, cards and cores it asks for?"""

from strataflow.errors import StrataflowError
from strataflow.workflow.cluster import partitions, request_of, require_fit


onstart:
    executor = workflow.executor_plugin.name
    try:
        if executor == "slurm":
            sent = [job for job in workflow.dag.needrun_jobs() if not job.is_local]
            require_fit(sorted({request_of(job) for job in sent}, key=str), partitions())
        elif config["training"]["nodes"] > 1:
            raise StrataflowError("config: training.nodes: more than one needs Slurm")
    except StrataflowError as error:
        sys.exit(str(error))
