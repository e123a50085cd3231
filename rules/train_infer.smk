# `run` holds checkpoints and logs. It is not a declared output, because Snakemake would delete it
# and training could not resume. `run` is a link to a folder named by a hash of the network, the
# data and the settings. The folders of earlier trainings stay next to it.
rule train_infer:
    input:
        manifests=manifests("train") + manifests("valid"),
        data_train=sample_folders("data_train"),
        target_train=sample_folders("target_train"),
        data_valid=sample_folders("data_valid"),
        target_valid=sample_folders("target_valid"),
        surveys=training_surveys(),
        init_weights=initial_weights("infer"),
    output:
        checkpoint="results/train_infer/final.ckpt",
        metrics="results/train_infer/metrics.csv",
        curves=report("results/train_infer/curves.png", category="Training"),
        table=report(
            "results/train_infer/training_data.csv",
            caption="../report/training_data.rst",
            category="Training",
        ),
    log:
        "results/train_infer/train_infer.log",
    benchmark:
        "results/train_infer/train_infer.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        **processes_of_training(),
        mem_mb=memory_of_training,
        # Training saves a checkpoint before the time limit, and the next attempt resumes.
        runtime=1440,
    params:
        **program("train_infer"),
        launcher=launcher_of_training(),
        run="results/train_infer/run",
        init_weights=flags(init_weights=initial_weights("infer")),
        flags=training_flags(surveys=survey_training_flags()),
    shell:
        "{params.launcher}python {params.script:q}"
        " --dir_data_train {input.data_train} --dir_target_train {input.target_train}"
        " --dir_data_valid {input.data_valid} --dir_target_valid {input.target_valid}"
        " --dir_output {params.run} --resume auto {params.init_weights} {params.flags}"
        " --final {output.checkpoint} --metrics {output.metrics} --curves {output.curves}"
        " --table {output.table}"
        # Print one line to the terminal if the settings differ from the previous training.
        " --notices /dev/fd/3 3>&2 > {log} 2>&1"
