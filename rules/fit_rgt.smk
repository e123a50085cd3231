# Fit RGT of the last pass to reflectors, picked faults and control, and deliver it.
rule fit_rgt:
    input:
        predicted=rgt_of_last_pass,
        fsem=fault_probability(),
        surfaces=picked_surfaces(),
        control=control_of,
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
    output:
        with_sidecars("results/predictions/{volume}/{volume}", FITTED),
    log:
        "results/fit_rgt/{volume}.log",
    benchmark:
        "results/fit_rgt/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 2
    resources:
        mem_mb=memory(4000, share_of_input=0.2),
        runtime=minutes(10, per_gigabyte=5),
    params:
        **program("fit_rgt"),
        prefix=prefix_of_output,
        flags=fit_rgt_flags,
    shell:
        "python {params.script:q} --input {input.predicted[0]} --image {input.image}"
        " {params.flags} --output {params.prefix} > {log} 2>&1"
