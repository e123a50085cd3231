use rule train_infer as train_refine with:
    input:
        manifests=manifests("train") + manifests("valid"),
        # Synthetically degraded attributes, and predictions of the inference network.
        data_train=sample_folders("data_train") + predicted_folders("data_train"),
        target_train=2 * sample_folders("target_train"),
        data_valid=predicted_folders("data_valid"),
        target_valid=sample_folders("target_valid"),
        init_weights=initial_weights("refine"),
    output:
        checkpoint="results/train_refine/final.ckpt",
        metrics="results/train_refine/metrics.csv",
        curves=report("results/train_refine/curves.png", category="Training"),
        table=report(
            "results/train_refine/training_data.csv",
            caption="../report/training_data.rst",
            category="Training",
        ),
    log:
        "results/train_refine/train_refine.log",
    benchmark:
        "results/train_refine/train_refine.benchmark.tsv"
    params:
        **program("train_refine"),
        launcher=launcher_of_training(),
        run="results/train_refine/run",
        init_weights=flags(init_weights=initial_weights("refine")),
        flags=training_flags(epochs=config["refinement"]["epochs"]),
