# Join the slabs of inference or of one iteration of refinement.
rule join_slabs:
    input:
        slabs=slabs_of_pass,
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
    output:
        with_sidecars("results/{passed}/{volume}", PREDICTED),
    log:
        "results/{passed}/{volume}.log",
    benchmark:
        "results/{passed}/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_tiles,
        runtime=minutes(10, per_gigabyte=5),
    params:
        **program("join_slabs"),
        prefixes=prefixes_of_slabs,
        prefix="results/{passed}/{volume}",
    shell:
        "python {params.script:q} --slabs {params.prefixes} --input {input.image}"
        " --output {params.prefix} > {log} 2>&1"


if AVERAGING.uncertainty:

    # Refinement does not average copies, so only inference writes the spread.
    use rule join_slabs as join_slabs_with_spread with:
        output:
            with_sidecars(r"results/{passed,infer/[^/]+}/{volume}", INFERRED),

    ruleorder: join_slabs_with_spread > join_slabs
