# Draw the faults in 3D. The description is always written, and VOLUME.scene.png beside it where the
# machine can render: a missing OpenGL library must not stop a run.
rule render_scene:
    input:
        image="results/segy_to_binary/{volume}/{volume}.bin",
        sidecar="results/segy_to_binary/{volume}/{volume}.json",
        picks=shown_in_3d,
    output:
        "results/predictions/{volume}/{volume}.scene.json",
    log:
        "results/render_scene/{volume}.log",
    benchmark:
        "results/render_scene/{volume}.benchmark.tsv"
    conda:
        "../envs/strataflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(15),
    params:
        **program("render_scene"),
        prefix="results/predictions/{volume}/{volume}",
        flags=flags(**velocity_flag()),
    shell:
        "python {params.script:q} --input {input.image} --prediction {params.prefix}"
        " --output {params.prefix} {params.flags} > {log} 2>&1"
