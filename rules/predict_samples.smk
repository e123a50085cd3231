# Predict the samples with the inference network. The refinement network trains on these predictions
# and their errors.
rule predict_samples:
    input:
        manifest="results/{samples}/manifest_{split}.csv",
        images="results/{samples}/data_{split}",
        model=weights("infer"),
    output:
        directory("results/predict_samples/{samples}/data_{split}"),
    log:
        "results/predict_samples/{samples}/{split}.log",
    benchmark:
        "results/predict_samples/{samples}/{split}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=memory(8000),
        runtime=minutes(240),
        gpu=1,
    params:
        **program("predict_samples"),
        # Do not pass the tiling of the configuration: a change of tiles must not trigger training.
        flags=flags(**task_flags(), **shape_flags(config["patches"]["size"])),
    shell:
        "python {params.script:q} --input {input.images}"
        " --model {input.model:q} --output {output} {params.flags} > {log} 2>&1"
