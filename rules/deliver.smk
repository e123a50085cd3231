# Give the attributes of the last pass, but for RGT, their final names as hard links, which take no
# space. A file system without them gets copies. Symbolic links would break when a user copies the
# folder.
#
# Snakemake updates the modification time of outputs one by one, and with it that of the originals.
# So nothing else may read these before (see check_seams), and only the sidecars, which are written
# with them and copied, are inputs: an output must not be older than an input.
if AS_PREDICTED:

    rule deliver:
        input:
            sidecars_to_deliver,
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
            raw=raw_files_to_deliver,
            folder=folder_of,
        shell:
            "(cp {input} {params.folder} &&"
            " (cp --link {params.raw} {params.folder} || cp {params.raw} {params.folder})) > {log} 2>&1"

    if LINES:

        # A 2D line has no strike.
        use rule deliver as deliver_line with:
            output:
                with_sidecars("results/predictions/{volume}/{volume}", without_strike(AS_PREDICTED)),
            wildcard_constraints:
                volume="|".join(LINES),

        ruleorder: deliver_line > deliver
