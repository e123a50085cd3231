rule evaluate:
    input:
        attributes=expand("results/predictions/{{volume}}/{{volume}}.{name}", name=PREDICTED),
        labels=raw_labels,
        image="results/segy_to_binary/{volume}/{volume}.bin",
        code=code("evaluate"),
    output:
        report(
            "results/predictions/{volume}/metrics.json",
            category="Scores against labels",
            labels={"volume": "{volume}"},
        ),
    log:
        "results/evaluate/{volume}.log",
    benchmark:
        "results/evaluate/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 2
    resources:
        mem_mb=8000,
    params:
        prefix=prefix_of,
        target=target_flag,
    shell:
        "python workflow_scripts/evaluate.py --prediction {params.prefix}"
        " {params.target} --image {input.image} --output {output} > {log} 2>&1"
