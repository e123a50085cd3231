# Share of the trained weights if training.trained_share is null and surveys are labelled in part
# (docs/how-to/own_labels.md).
TRAINED_SHARE = 0.5


def trained_share(network):
    """Share of the trained weights in the extracted ones; the rest are the initial weights."""
    given = config["training"]["trained_share"]
    if given is None and network == "infer" and TRAINING_SURVEYS and initial_weights(network):
        return TRAINED_SHARE
    return given or 1


def blended_weights(wildcards):
    """Initial weights that are a part of the extracted ones, or none."""
    return initial_weights(wildcards.network) if trained_share(wildcards.network) < 1 else []


def blending_flags(wildcards):
    """--initial --share of blended weights."""
    initial = blended_weights(wildcards)
    share = trained_share(wildcards.network)
    return flags(initial=initial, share=share) if initial else ""


rule extract_weights:
    input:
        checkpoint="results/train_{network}/final.ckpt",
        initial=blended_weights,
    output:
        "results/extract_weights/{network}.pth",
    log:
        "results/extract_weights/{network}.log",
    benchmark:
        "results/extract_weights/{network}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(5),
    params:
        **program("extract_weights"),
        flags=blending_flags,
    shell:
        "python {params.script:q} --checkpoint {input.checkpoint} {params.flags}"
        " --output {output} > {log} 2>&1"
