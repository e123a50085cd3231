def attributes_to_deliver(volume):
    """Those after the last iteration, and the spread that only inference gives."""
    spread = [name for name in INFERRED if name not in PREDICTED]
    return [
        *attributes_after(volume, config["refinement"]["iterations"]),
        *with_sidecars(f"results/infer/{volume}/{volume}", spread),
    ]


# The attributes after the last pass under their final names. Copies, which today's cp makes at once where
# files can share blocks (XFS, Btrfs): a hard link would change the time of its original when Snakemake
# marks the output as new, and a symbolic one would dangle where somebody copies the folder.
rule deliver:
    input:
        attributes_to_deliver("{volume}"),
    output:
        with_sidecars("results/predictions/{volume}/{volume}", INFERRED),
    log:
        "results/deliver/{volume}.log",
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(5, per_gigabyte=1),
    params:
        folder=folder_of,
    shell:
        "cp {input} {params.folder} > {log} 2>&1"
