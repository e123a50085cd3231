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
