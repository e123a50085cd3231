# Read the horizons and control points of a volume. It goes before inference, so that a wrong file
# stops the run in time.
rule read_control:
    input:
        unpack(control_files),
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
    output:
        "results/read_control/{volume}.npz",
    log:
        "results/read_control/{volume}.log",
    benchmark:
        "results/read_control/{volume}.benchmark.tsv"
    priority: 10
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        **program("read_control"),
        flags=control_flags,
    shell:
        "python {params.script:q} --input {input.image} {params.flags}"
        " --output {output} > {log} 2>&1"
