# Flatten the amplitudes over geologic time, or on a horizon.
rule flatten:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        by=flattened_by,
    output:
        raw="results/predictions/{volume}/{volume}.{flat}",
        beside="results/predictions/{volume}/{volume}.{flat}.json",
        picture=report(
            "results/predictions/{volume}/{volume}.{flat}.png",
            category="Interpretation",
            labels={"volume": "{volume}", "picture": "{flat}"},
        ),
    log:
        "results/flatten/{volume}.{flat}.log",
    benchmark:
        "results/flatten/{volume}.{flat}.benchmark.tsv"
    wildcard_constraints:
        flat=FLAT_PATTERN,
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10, per_gigabyte=10),
    params:
        **program("flatten"),
        flags=flatten_flags,
    shell:
        "python {params.script:q} --input {input.image} {params.flags}"
        " --output {output.raw} > {log} 2>&1"
