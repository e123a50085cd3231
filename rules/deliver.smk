# Copy the attributes of the last pass, but for RGT, to their final names. On XFS and Btrfs, cp shares
# the blocks and takes no time. Hard links do not work, because Snakemake updates the modification time of
# outputs, and with it that of the originals. Symbolic links break when a user copies the folder.
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
            "cp {input} {params.folder} > {log} 2>&1"

    if LINES:

        # A 2D line has no strike.
        use rule deliver as deliver_line with:
            output:
                with_sidecars(
                    "results/predictions/{volume}/{volume}",
                    [name for name in AS_PREDICTED if name != "fstrike"],
                ),
            wildcard_constraints:
                volume="|".join(LINES),

        ruleorder: deliver_line > deliver
