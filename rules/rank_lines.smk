# List the lines where labels would teach most, if the spread of the copies is predicted.
rule rank_lines:
    input:
        attributes=with_sidecars("results/predictions/{volume}/{volume}", [SPREAD]),
        labels=raw_labels,
    output:
        report(
            "results/predictions/{volume}/{volume}.lines_to_label.csv",
            caption="../report/rank_lines.rst",
            category="Interpretation",
            labels={"volume": "{volume}", "what": "lines to label next"},
        ),
    log:
        "results/rank_lines/{volume}.log",
    benchmark:
        "results/rank_lines/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10, per_gigabyte=5),
    params:
        **program("rank_lines"),
        prefix=prefix_of,
        labels=ranked_labels_flag,
    shell:
        "python {params.script:q} --prediction {params.prefix} {params.labels}"
        " --output {output} > {log} 2>&1"
