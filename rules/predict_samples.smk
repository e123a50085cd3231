# What the inference network makes of the samples, mistakes included: training of the refinement
# network.
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
        # Not with the tiles of the configuration: other tiles are no reason to train again.
        flags=flags(**task_flags(), **shape_flags(config["patches"]["size"])),
    shell:
        "python {params.script:q} --input {input.images}"
        " --model {input.model:q} --output {output} {params.flags} > {log} 2>&1"
