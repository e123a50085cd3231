# Give the attributes of the last pass, but for RGT, their final names as hard links, which take no
# space. A file system without them gets copies. Snakemake updates the modification time of outputs,
# and with it that of the originals, so nothing else may read these before (see check_seams).
# Symbolic links would break when a user copies the folder.
if AS_PREDICTED:

    rule deliver:
        input:
            attributes_to_deliver,
        output:
            with_sidecars("results/predictions/{volume}/{volume}", AS_PREDICTED),
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
            "(cp --link {input} {params.folder} || cp {input} {params.folder}) > {log} 2>&1"

    if LINES:

        # A 2D line has no strike.
        use rule deliver as deliver_line with:
            output:
                with_sidecars("results/predictions/{volume}/{volume}", without_strike(AS_PREDICTED)),
            wildcard_constraints:
                volume="|".join(LINES),

        ruleorder: deliver_line > deliver
