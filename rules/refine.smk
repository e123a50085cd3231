# Refine one slab. The input is the whole volume after the previous iteration.
rule refine:
    input:
        attributes=attributes_before,
        model=weights("refine"),
    output:
        temp(
            expand(
                "results/refine/{{volume}}/{{iteration}}/{{slab}}-of-{{slabs}}/{{volume}}.{name}",
                name=[*PREDICTED, "slab.json"],
            )
        ),
    log:
        "results/refine/{volume}/{iteration}/{slab}-of-{slabs}.log",
    benchmark:
        "results/refine/{volume}/{iteration}/{slab}-of-{slabs}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=memory_of_tiles,
        runtime=minutes_of_tiles,
        gpu=1,
    params:
        **program("refine"),
        input_prefix=prefix_of,
        prefix="results/refine/{volume}/{iteration}/{slab}-of-{slabs}/{volume}",
        flags=flags(**tiling_flags(), **probability_flag()),
    shell:
        "python {params.script:q} --input {params.input_prefix} --model {input.model:q}"
        " --output {params.prefix} --slab {wildcards.slab} {wildcards.slabs}"
        " {params.flags} > {log} 2>&1"
