from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/surveys.smk"
include: "rules/interpreted.smk"
include: "rules/control.smk"
include: "rules/horizons.smk"
include: "rules/targets.smk"
include: "rules/training.smk"
include: "rules/passes.smk"
include: "rules/resources.smk"
include: "rules/cluster.smk"
include: "rules/synthesize.smk"
include: "rules/segy_to_binary.smk"
include: "rules/read_control.smk"
include: "rules/describe_samples.smk"
include: "rules/labels.smk"
include: "rules/make_patches.smk"
include: "rules/train_infer.smk"
include: "rules/extract_weights.smk"
include: "rules/predict_samples.smk"
include: "rules/train_refine.smk"
include: "rules/infer.smk"
include: "rules/refine.smk"
include: "rules/join_slabs.smk"
include: "rules/deliver.smk"
include: "rules/check_seams.smk"
include: "rules/export_segy.smk"
include: "rules/export_survey.smk"
include: "rules/export_vgi.smk"
include: "rules/pick_faults.smk"
include: "rules/fit_rgt.smk"
include: "rules/pick_horizons.smk"
include: "rules/flatten.smk"
include: "rules/evaluate.smk"
include: "rules/rank_lines.smk"
include: "rules/plot.smk"
include: "rules/render_scene.smk"
include: "rules/make_overview.smk"


report: "report/workflow.rst"


rule all:
    default_target: True
    input:
        predictions(),


# The same target by folder name, with or without the slash: `snakemake results/predictions/`.
for folder in ("results/predictions", "results/predictions/"):

    rule:
        name:
            folder
        input:
            predictions(),


# A single volume: `snakemake results/predictions/NAME`.
for volume in PREDICTED_VOLUMES:
    for slash in ("", "/"):

        rule:
            name:
                f"results/predictions/{volume}{slash}"
            input:
                delivered_of(volume),
