# Pick faults as a table, points and fault sticks.
rule pick_faults:
    input:
        attributes=with_sidecars(
            "results/predictions/{volume}/{volume}", ["fsem", "fdip", "fstrike"]
        ),
    output:
        table=report(
            "results/predictions/{volume}/{volume}.faults.csv",
            caption="../report/pick_faults.rst",
            category="Interpretation",
            labels={"volume": "{volume}", "table": "faults"},
        ),
        points="results/predictions/{volume}/{volume}.fault_points.csv",
        sticks="results/predictions/{volume}/{volume}.fault_sticks.txt",
    log:
        "results/pick_faults/{volume}.log",
    benchmark:
        "results/pick_faults/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, share_of_input=8),
        runtime=minutes(10, per_gigabyte=20),
    params:
        **program("pick_faults"),
        prefix=prefix_of,
        flags=flags(**probability_flag()),
    shell:
        "python {params.script:q} --input {params.prefix} --output {params.prefix}"
        " {params.flags} > {log} 2>&1"
