rule export_segy:
    input:
        raw="results/predictions/{volume}/{volume}.{attribute}",
        sidecar="results/predictions/{volume}/{volume}.{attribute}.json",
        template=segy_template,
    output:
        "results/predictions/{volume}/{volume}.{attribute}.sgy",
    log:
        "results/export_segy/{volume}.{attribute}.log",
    benchmark:
        "results/export_segy/{volume}.{attribute}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10, per_gigabyte=1),
    params:
        **program("export_segy"),
        template=template_flag,
        flags=export_segy_flags(),
    shell:
        "python {params.script:q} --input {input.raw}"
        " {params.template} --output {output} {params.flags} > {log} 2>&1"
