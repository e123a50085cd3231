"""Coverage-guided mutations of one kind of file with atheris. Writes the outcomes as JSON."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["strataflow"]):
    from readers import Tally, readers, try_one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", required=True, help="kind of file, a name in readers.py")
    parser.add_argument("--runs", type=int, required=True, help="number of mutations")
    parser.add_argument("--seconds", type=int, required=True, help="time limit in total")
    parser.add_argument("--output", type=Path, required=True, help="JSON file of the outcomes")
    a = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    (reader,) = [reader for reader in readers(folder) if reader.name == a.reader]
    tally = Tally()

    def one(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        valid = reader.valid[provider.ConsumeIntInRange(0, len(reader.valid) - 1)]
        content = reader.mutate(valid, provider.ConsumeIntInRange)
        try_one(reader, content, folder / "bad", tally)
        tried = tally.counts.total()
        if tried % 100 == 0 or tried == a.runs:
            failures = [outcome for outcome, _ in tally.failures]
            a.output.write_text(json.dumps({"counts": tally.counts, "failures": failures}))
        if tried == a.runs:
            # Exit here, because atheris would report the end as a failure of the tested code.
            os._exit(0)

    # Without seeds, the first inputs are empty and change nothing.
    seeds = folder / "seeds"
    seeds.mkdir()
    rng = np.random.default_rng(1)
    for number in range(64):
        (seeds / str(number)).write_bytes(rng.bytes(64))
    limits = [
        f"-max_total_time={a.seconds}",
        "-rss_limit_mb=4096",
        "-max_len=256",
        "-len_control=0",
        "-seed=1",
    ]
    atheris.Setup([sys.argv[0], *limits, "-len_control=0", str(seeds)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
