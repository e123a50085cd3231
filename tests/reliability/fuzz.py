"""Coverage-guided mutations of one kind of file, by atheris; prints what came of them as JSON."""

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
    parser.add_argument("--reader", required=True, help="name of the kind of file")
    parser.add_argument("--runs", type=int, required=True, help="mutations to try")
    parser.add_argument("--seconds", type=int, required=True, help="longest time for all")
    parser.add_argument("--output", type=Path, required=True, help="JSON file of the counts")
    a = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    (reader,) = [reader for reader in readers(folder) if reader.name == a.reader]
    tally = Tally()

    def one(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        good = reader.good[provider.ConsumeIntInRange(0, len(reader.good) - 1)]
        content = reader.mutate(good, provider.ConsumeIntInRange)
        try_one(reader, content, folder / "bad", tally)
        tried = tally.counts.total()
        if tried % 100 == 0 or tried == a.runs:
            lost = [outcome for outcome, _ in tally.lost]
            a.output.write_text(json.dumps({"counts": tally.counts, "lost": lost}))
        if tried == a.runs:
            # The fuzzer's own end would count as a fault of the code under test.
            os._exit(0)

    # Without seeds its first mutations are of nothing, and change nothing.
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
