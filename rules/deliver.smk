# The attributes after the last pass under their final names; links where the disk knows them.
rule deliver:
    input:
        attributes_after("{volume}", config["refinement"]["iterations"]),
    output:
        expand(
            "results/predictions/{{volume}}/{{volume}}.{name}{suffix}",
            name=PREDICTED,
            suffix=["", ".json"],
        ),
    log:
        "results/deliver/{volume}.log",
    localrule: True
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=100,
    params:
        folder=folder_of,
    shell:
        "(ln -f {input} {params.folder} || cp {input} {params.folder}) > {log} 2>&1"
