rule refine:
    input:
        attributes=expand(
            "results/infer/{{volume}}/{{volume}}.{name}{suffix}",
            name=PREDICTED,
            suffix=["", ".json"],
        ),
        model=weights("refine") if config["refinement"]["iterations"] else [],
        code=code("refine"),
    output:
        expand(
            "results/predictions/{{volume}}/{{volume}}.{name}{suffix}",
            name=PREDICTED,
            suffix=["", ".json"],
        ),
    log:
        "results/refine/{volume}.log",
    benchmark:
        "results/refine/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        gpu=1,
    params:
        given=prefix_of,
        prefix="results/predictions/{volume}/{volume}",
        flags=refine_flags(),
    shell:
        "python workflow_scripts/refine.py --input {params.given}"
        " --output {params.prefix} {params.flags} > {log} 2>&1"
