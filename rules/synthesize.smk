rule synthesize_survey:
    output:
        expand("results/synthesize_survey/{{survey}}/{name}.sgy", name=SURVEY_FILES),
        faults="results/synthesize_survey/{survey}/faults.csv",
    log:
        "results/synthesize_survey/{survey}.log",
    benchmark:
        "results/synthesize_survey/{survey}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 4
    resources:
        mem_mb=memory(8000),
        runtime=minutes(60),
    params:
        **program("synthesize_survey"),
        folder=folder_of,
        flags=survey_flags,
    shell:
        "python {params.script:q}"
        " --output {params.folder} --workers {threads} {params.flags} > {log} 2>&1"


rule synthesize:
    output:
        manifest_train="results/synthesize/manifest_train.csv",
        manifest_valid="results/synthesize/manifest_valid.csv",
        tables=expand(
            "results/synthesize/{table}_{split}.csv", table=("statistics", "faults"), split=SPLITS
        ),
        data_train=directory("results/synthesize/data_train"),
        target_train=directory("results/synthesize/target_train"),
        data_valid=directory("results/synthesize/data_valid"),
        target_valid=directory("results/synthesize/target_valid"),
    log:
        "results/synthesize/synthesize.log",
    benchmark:
        "results/synthesize/synthesize.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 4
    resources:
        mem_mb=memory(8000),
        runtime=minutes_of_synthesis(),
    params:
        **program("synthesize"),
        flags=flags(
            ntrain=config["synthetic"]["train"],
            nvalid=config["synthetic"]["valid"],
            seed=config["synthetic"]["seed"],
            **shape_flags(config["patches"]["size"]),
            **config["synthetic"]["scenario"],
            scenarios=[json.dumps(s) for s in config["synthetic"]["scenarios"]],
        ),
    shell:
        "python {params.script:q}"
        " --dir_data_train {output.data_train} --dir_target_train {output.target_train}"
        " --dir_data_valid {output.data_valid} --dir_target_valid {output.target_valid}"
        " --workers {threads} {params.flags} > {log} 2>&1"
