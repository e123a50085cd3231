rule make_patches:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        labels=training_labels,
    output:
        manifest_train="results/make_patches/{volume}/manifest_train.csv",
        manifest_valid="results/make_patches/{volume}/manifest_valid.csv",
        data_train=directory("results/make_patches/{volume}/data_train"),
        target_train=directory("results/make_patches/{volume}/target_train"),
        data_valid=directory("results/make_patches/{volume}/data_valid"),
        target_valid=directory("results/make_patches/{volume}/target_valid"),
    log:
        "results/make_patches/{volume}.log",
    benchmark:
        "results/make_patches/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10, per_gigabyte=10),
    params:
        **program("make_patches"),
        labels=label_flags,
        flags=flags(
            patch=config["patches"]["size"],
            overlap=config["patches"]["overlap"],
            valid_share=config["patches"]["valid_share"],
            seed=config["synthetic"]["seed"],
        ),
    shell:
        "python {params.script:q} --input {input.image} {params.labels}"
        " --dir_data_train {output.data_train} --dir_target_train {output.target_train}"
        " --dir_data_valid {output.data_valid} --dir_target_valid {output.target_valid}"
        " {params.flags} > {log} 2>&1"
