# Pick horizons: surfaces of equal RGT. Volumes with the same number of horizons share a rule.
for count, volumes in VOLUMES_BY_HORIZONS.items():

    rule:
        name:
            name_of_picking(count)
        input:
            attributes=with_sidecars("results/predictions/{volume}/{volume}", ["rgt"]),
            image="results/segy_to_binary/{volume}/{volume}.bin",
            sidecar="results/segy_to_binary/{volume}/{volume}.json",
            faults=picked_fault_numbers(),
            control=control_to_pick,
        output:
            table="results/predictions/{volume}/{volume}.horizons.csv",
            index="results/predictions/{volume}/{volume}.horizon_index.csv",
            files=horizon_files("{{volume}}", count),
            maps=report(
                expand(
                    "results/predictions/{{volume}}/{{volume}}.{name}.png",
                    name=horizon_names(count),
                ),
                caption="../report/pick_horizons.rst",
                category="Interpretation",
                labels={"volume": "{volume}"},
            ),
        log:
            "results/pick_horizons/{volume}.log",
        benchmark:
            "results/pick_horizons/{volume}.benchmark.tsv"
        wildcard_constraints:
            volume="|".join(volumes),
        conda:
            "../envs/strataflow.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000, share_of_input=2),
            runtime=minutes(10, per_gigabyte=10),
        params:
            **program("pick_horizons"),
            prefix=prefix_of,
            flags=pick_horizons_flags,
        shell:
            "python {params.script:q} --input {params.prefix}.rgt --output {params.prefix}"
            " --image {input.image} {params.flags} > {log} 2>&1"
