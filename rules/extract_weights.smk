rule extract_weights:
    input:
        checkpoint="results/train_{network}/final.ckpt",
        code=code("extract_weights"),
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
    shell:
        "python workflow_scripts/extract_weights.py"
        " --checkpoint {input.checkpoint} --output {output} > {log} 2>&1"
