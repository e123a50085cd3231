def attributes_after(volume, iterations):
    """The attributes of a volume and their sidecars after so many iterations of refinement."""
    folder = f"refine/{volume}/{iterations}" if iterations else f"infer/{volume}"
    return with_sidecars(f"results/{folder}/{volume}", PREDICTED)


def attributes_before(wildcards):
    """What an iteration of refinement reads."""
    return attributes_after(wildcards.volume, int(wildcards.iteration) - 1)


# One iteration on a slab, with the attributes of the whole volume after the one before.
rule refine:
    input:
        attributes=attributes_before,
        model=weights("refine"),
    output:
        temp(
            expand(
                "results/refine/{{volume}}/{{iteration}}/{{slab}}-of-{{slabs}}/{{volume}}.{name}",
                name=[*PREDICTED, "slab.json"],
            )
        ),
    log:
        "results/refine/{volume}/{iteration}/{slab}-of-{slabs}.log",
    benchmark:
        "results/refine/{volume}/{iteration}/{slab}-of-{slabs}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 8
    resources:
        mem_mb=memory_of_tiles,
        runtime=minutes_of_tiles,
        gpu=1,
    params:
        **program("refine"),
        given=prefix_of,
        prefix="results/refine/{volume}/{iteration}/{slab}-of-{slabs}/{volume}",
        flags=flags(**tiling_flags(), **probability_flag()),
    shell:
        "python {params.script:q} --input {params.given} --model {input.model:q}"
        " --output {params.prefix} --slab {wildcards.slab} {wildcards.slabs}"
        " {params.flags} > {log} 2>&1"
