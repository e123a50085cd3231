# Predict one slab of inlines. The slabs of a volume can run in parallel.
rule infer:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        model=weights("infer"),
    output:
        temp(
            expand(
                "results/infer/{{volume}}/{{slab}}-of-{{slabs}}/{{volume}}.{name}",
                name=[*INFERRED, "slab.json"],
            )
        ),
    log:
        "results/infer/{volume}/{slab}-of-{slabs}.log",
    benchmark:
        "results/infer/{volume}/{slab}-of-{slabs}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=memory_of_copies,
        runtime=minutes_of_copies,
        gpu=1,
    params:
        **program("infer"),
        prefix="results/infer/{volume}/{slab}-of-{slabs}/{volume}",
        flags=flags(
            **task_flags(),
            **tiling_flags(),
            **averaging_flags(),
            uncertainty=AVERAGING.uncertainty,
            **probability_flag(),
        ),
    shell:
        "python {params.script:q} --input {input.image} --model {input.model:q}"
        " --output {params.prefix} --slab {wildcards.slab} {wildcards.slabs}"
        " {params.flags} > {log} 2>&1"
