# Write an HTML page of all results, and a table of run times.
rule make_overview:
    input:
        files=delivered(),
        weights=used_weights(),
        template=HOME / "report" / "index.html.jinja",
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
        **program("make_overview"),
        folder=folder_of,
        settings=json.dumps(settings_shown(), sort_keys=True),
    shell:
        "python {params.script:q} --input {params.folder}"
        " --template {input.template:q} --output {output.page}"
        " --results results --timings {output.timings} --weights {input.weights:q}"
        " --settings {params.settings:q} > {log} 2>&1"
