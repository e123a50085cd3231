# Masks, fault sticks and labelled lines to label volumes, NaN where unknown. Volumes with labels of
# the same tasks share a rule. It goes before inference, so that a wrong file stops the run in time.
for names, volumes in VOLUMES_BY_LABELS.items():

    rule:
        name:
            name_of_labelling(names)
        input:
            unpack(given_labels),
            image="results/segy_to_binary/{volume}/{volume}.bin",
            sidecar="results/segy_to_binary/{volume}/{volume}.json",
        output:
            volumes=with_sidecars("results/labels/{volume}/{volume}", names),
            table=report(
                "results/labels/{volume}/{volume}.labels.csv",
                caption="../report/labels.rst",
                category="Training",
                labels={"volume": "{volume}", "what": "labels"},
            ),
            picture=report(
                "results/labels/{volume}/{volume}.labels.png",
                caption="../report/labels.rst",
                category="Training",
                labels={"volume": "{volume}", "what": "labels, picture"},
            ),
        log:
            "results/labels/{volume}.log",
        benchmark:
            "results/labels/{volume}.benchmark.tsv"
        wildcard_constraints:
            volume="|".join(volumes),
        priority: 10
        conda:
            "../envs/strataflow.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000, share_of_input=8),
            runtime=minutes(10, per_gigabyte=20),
        params:
            **program("labels"),
            prefix=prefix_of_made_labels,
            flags=given_label_flags,
        shell:
            "python {params.script:q} --input {input.image} {params.flags}"
            " --output {params.prefix} > {log} 2>&1"
