# Measure tile artifacts in the output of inference.
rule check_seams:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        attributes=attributes_after("{volume}", 0),
        # Where inference is the last pass, these are the same files; see deliver.
        delivered=delivered_by_inference,
        model=weights("infer"),
    output:
        table=report(
            "results/predictions/{volume}/seams.csv",
            caption="../report/seams.rst",
            category="Quality control",
            labels={"volume": "{volume}", "picture": "tile artifacts (table)"},
        ),
        picture=report(
            "results/predictions/{volume}/seams.png",
            caption="../report/seams.rst",
            category="Quality control",
            labels={"volume": "{volume}", "picture": "tile artifacts"},
        ),
    log:
        "results/check_seams/{volume}.log",
    benchmark:
        "results/check_seams/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=memory_of_copies,
        runtime=minutes(20 * AVERAGING.cost),
        gpu=1,
    params:
        **program("check_seams"),
        prefix=prefix_of,
        flags=flags(**task_flags(), **tiling_flags(), **averaging_flags(), **probability_flag()),
    shell:
        "python {params.script:q} --input {input.image} --model {input.model:q}"
        " --prediction {params.prefix} --output {output.table} {params.flags} > {log} 2>&1"
