rule segy_to_binary:
    input:
        survey=survey_of,
    output:
        raw="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
    log:
        "results/segy_to_binary/{volume}/{volume}.log",
    benchmark:
        "results/segy_to_binary/{volume}/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(10, per_gigabyte=2),
    params:
        **program("segy_to_binary"),
        flags=reading_flags,
    shell:
        "python {params.script:q}"
        " --input {input.survey:q} --output {output.raw} {params.flags} > {log} 2>&1"


use rule segy_to_binary as segy_to_binary_label with:
    output:
        raw="results/segy_to_binary/{volume}/{volume}.{attribute}",
        sidecar="results/segy_to_binary/{volume}/{volume}.{attribute}.json",
    log:
        "results/segy_to_binary/{volume}/{volume}.{attribute}.log",
    benchmark:
        "results/segy_to_binary/{volume}/{volume}.{attribute}.benchmark.tsv"
