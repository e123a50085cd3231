rule plot:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        attributes=attributes_to_plot,
        faults=with_sidecars("results/predictions/{volume}/{volume}", FAULT_VOLUMES[-1:]),
        meshes=fault_surfaces,
        labels=raw_labels,
    output:
        drawn(DELIVERED),
    log:
        "results/plot/{volume}.log",
    benchmark:
        "results/plot/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 4
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        **program("plot"),
        prefix=prefix_of,
        target=target_flag,
        flags=flags(**probability_flag(), **velocity_flag(), traces=[config["export"]["traces"]]),
    shell:
        "python {params.script:q} --input {input.image}"
        " --prediction {params.prefix} {params.target}"
        " --output {params.prefix} --workers {threads} {params.flags} > {log} 2>&1"


if LINES:

    # A 2D line has no strike.
    use rule plot as plot_line with:
        output:
            drawn(without_strike(DELIVERED)),
        wildcard_constraints:
            volume="|".join(LINES),

    ruleorder: plot_line > plot
