# Pick horizons: surfaces of equal RGT.
rule pick_horizons:
    input:
        attributes=with_sidecars("results/predictions/{volume}/{volume}", ["rgt"]),
    output:
        table="results/predictions/{volume}/{volume}.horizons.csv",
        grids=expand("results/predictions/{{volume}}/{{volume}}.{name}.irap", name=HORIZONS),
    log:
        "results/pick_horizons/{volume}.log",
    benchmark:
        "results/pick_horizons/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, share_of_input=2),
        runtime=minutes(10, per_gigabyte=10),
    params:
        **program("pick_horizons"),
        prefix=prefix_of,
        how_many=config["export"]["horizons"],
    shell:
        "python {params.script:q} --input {input.attributes[0]} --output {params.prefix}"
        " --count {params.how_many} > {log} 2>&1"
