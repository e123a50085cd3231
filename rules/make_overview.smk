# One page over all that is delivered, and how long its making took.
rule make_overview:
    input:
        files=delivered(),
        template="report/index.html.jinja",
        code=code("make_overview"),
    output:
        page="results/predictions/index.html",
        timings=report(
            "results/predictions/timings.csv",
            caption="../report/timings.rst",
            category="Run times",
        ),
    log:
        "results/make_overview/make_overview.log",
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
    params:
        folder=folder_of,
    shell:
        "python workflow_scripts/make_overview.py --input {params.folder}"
        " --template {input.template} --output {output.page}"
        " --results results --timings {output.timings} > {log} 2>&1"
