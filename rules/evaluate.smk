def passes_over(volume):
    """Folders under results/ of the passes over a volume: inference, then each refinement.

    The last pass is scored as it is delivered, since faults are picked from that.
    """
    passes = [f"infer/{volume}"]
    passes += [f"refine/{volume}/{n}" for n in range(1, config["refinement"]["iterations"] + 1)]
    return [*passes[:-1], f"predictions/{volume}"]


def single_faults(wildcards):
    """Picked faults and true ones, for a pass that faults are picked from and that has both."""
    volume = wildcards.volume
    picked, true = f"results/predictions/{volume}/{volume}", prefix_of_binary(volume)
    if wildcards.passed != f"predictions/{volume}" or not is_evaluated(volume):
        return []
    delivered = delivered_of(volume)
    names = [n for n in TRUTH if n in VOLUMES[volume] and f"{picked}.{n}" in delivered]
    return with_sidecars(picked, names) + with_sidecars(true, names)


def scores_of_passes(wildcards):
    """Metrics of a volume after each pass."""
    volume = wildcards.volume
    return [f"results/evaluate/{passed}/{volume}.json" for passed in passes_over(volume)]


def scores_of_last_pass(wildcards):
    """Metrics of a volume after the last pass."""
    return scores_of_passes(wildcards)[-1]


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
        flags=flags(**probability_flag()),
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
