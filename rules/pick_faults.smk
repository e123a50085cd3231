# Faults as tables, points, sticks, meshes and volumes.
rule pick_faults:
    input:
        attributes=faults_to_pick,
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
    output:
        table=report(
            "results/predictions/{volume}/{volume}.faults.csv",
            caption="../report/pick_faults.rst",
            category="Interpretation",
            labels={"volume": "{volume}", "table": "faults"},
        ),
        points="results/predictions/{volume}/{volume}.fault_points.csv",
        throws="results/predictions/{volume}/{volume}.fault_throws.csv",
        sticks="results/predictions/{volume}/{volume}.fault_sticks.txt",
        opendtect="results/predictions/{volume}/{volume}.fault_sticks.odt.txt",
        mesh="results/predictions/{volume}/{volume}.faults.vtp",
        tsurf="results/predictions/{volume}/{volume}.faults.ts",
        surfaces="results/predictions/{volume}/{volume}.fault_surfaces.npz",
        volumes=with_sidecars("results/predictions/{volume}/{volume}", PICKED),
    log:
        "results/pick_faults/{volume}.log",
    benchmark:
        "results/pick_faults/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 4
    resources:
        mem_mb=memory(1000, share_of_input=3),
        runtime=minutes(10, per_gigabyte=20),
    params:
        **program("pick_faults"),
        prefix=prefix_of,
        flags=pick_faults_flags(),
    shell:
        "python {params.script:q} --input {params.prefix} --output {params.prefix}"
        " --image {input.image} --workers {threads} {params.flags} > {log} 2>&1"
