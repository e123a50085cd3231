rule describe_samples:
    input:
        data="results/synthesize/data_train",
        target="results/synthesize/target_train",
        tables=expand("results/synthesize/{table}_train.csv", table=("statistics", "faults")),
        surveys=[f"{prefix_of_binary(volume)}.bin" for volume in PREDICTED_VOLUMES],
        sidecars=[f"results/segy_to_binary/{v}/{v}.json" for v in PREDICTED_VOLUMES],
    output:
        report(
            expand("results/describe_samples/{name}", name=DESCRIPTION),
            caption="../report/describe_samples.rst",
            category="Training samples",
        ),
    log:
        "results/describe_samples/describe_samples.log",
    benchmark:
        "results/describe_samples/describe_samples.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        **program("describe_samples"),
        folder=folder_of,
        flags=flags(**shape_flags(config["patches"]["size"])),
    shell:
        "python {params.script:q} --dir_data {input.data}"
        " --dir_target {input.target} --survey {input.surveys}"
        " --output {params.folder} {params.flags} > {log} 2>&1"
