rule export_vgi:
    input:
        raw="results/predictions/{volume}/{volume}.{attribute}",
        sidecar="results/predictions/{volume}/{volume}.{attribute}.json",
    output:
        header="results/predictions/{volume}/{volume}.{attribute}.vgi",
        companion="results/predictions/{volume}/{volume}.{attribute}.mhd",
    log:
        "results/export_vgi/{volume}.{attribute}.log",
    benchmark:
        "results/export_vgi/{volume}.{attribute}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(5),
    params:
        **program("export_vgi"),
    shell:
        "python {params.script:q} --input {input.raw} --output {output.header} > {log} 2>&1"
