rule infer:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        model=weights("infer"),
        code=code("infer"),
    output:
        expand(
            "results/infer/{{volume}}/{{volume}}.{name}{suffix}",
            name=PREDICTED,
            suffix=["", ".json"],
        ),
    log:
        "results/infer/{volume}/{volume}.log",
    benchmark:
        "results/infer/{volume}/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        gpu=1,
    params:
        prefix="results/infer/{volume}/{volume}",
        flags=flags(**task_flags(), **tiling_flags()),
    shell:
        "python workflow_scripts/infer.py --input {input.image} --model {input.model}"
        " --output {params.prefix} {params.flags} > {log} 2>&1"
