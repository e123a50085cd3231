# Evaluate one pass against the labels.
rule evaluate:
    input:
        attributes=with_sidecars("results/{passed}/{volume}", PREDICTED),
        labels=raw_labels,
        faults=single_faults,
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
    output:
        "results/evaluate/{passed}/{volume}.json",
    log:
        "results/evaluate/{passed}/{volume}.log",
    benchmark:
        "results/evaluate/{passed}/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000, share_of_input=2),
        runtime=minutes(10, per_gigabyte=10),
    params:
        **program("evaluate"),
        prefix=prefix_of,
        target=target_flag,
        flags=evaluate_flags,
    shell:
        "python {params.script:q} --prediction {params.prefix}"
        " {params.target} --image {input.image} {params.flags} --output {output} > {log} 2>&1"


# Compare the metrics of all passes, and deliver those of the last pass.
rule compare_passes:
    input:
        metrics=scores_of_passes,
    output:
        metrics=report(
            "results/predictions/{volume}/metrics.json",
            category="Scores against labels",
            labels={"volume": "{volume}", "table": "all metrics"},
        ),
        table=report(
            "results/predictions/{volume}/passes.csv",
            caption="../report/passes.rst",
            category="Scores against labels",
            labels={"volume": "{volume}", "table": "each pass"},
        ),
    log:
        "results/compare_passes/{volume}.log",
    localrule: True
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
    params:
        **program("compare_passes"),
        last=scores_of_last_pass,
    shell:
        "(python {params.script:q} --metrics {input.metrics}"
        " --output {output.table} && cp {params.last} {output.metrics}) > {log} 2>&1"
