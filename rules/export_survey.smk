# Write a volume in the format of the survey.
rule export_survey:
    input:
        raw="results/predictions/{volume}/{volume}.{attribute}",
        sidecar="results/predictions/{volume}/{volume}.{attribute}.json",
    output:
        "results/predictions/{volume}/{volume}.{attribute}.vds",
    log:
        "results/export_survey/{volume}.{attribute}.vds.log",
    benchmark:
        "results/export_survey/{volume}.{attribute}.vds.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10, per_gigabyte=2),
    params:
        **program("export_survey"),
        flags="--degrees" if config["export"]["degrees"] else "",
    shell:
        "python {params.script:q} --input {input.raw}"
        " --output {output} {params.flags} > {log} 2>&1"


# A store is a folder.
use rule export_survey as export_survey_mdio with:
    output:
        directory("results/predictions/{volume}/{volume}.{attribute}.mdio"),
    log:
        "results/export_survey/{volume}.{attribute}.mdio.log",
    benchmark:
        "results/export_survey/{volume}.{attribute}.mdio.benchmark.tsv"
