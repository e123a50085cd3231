"""Surveys that lie on a server of files or in an object store: fetched once, or named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from conftest import PREDICTING, Workflow, write_segy

pytestmark = pytest.mark.workflow

VALUES = np.random.default_rng(1).normal(size=(6, 5, 40)).astype(np.float32)
RAW = "results/segy_to_binary/far/far.bin"


class _Counting(SimpleHTTPRequestHandler):
    """A server of files that remembers what it was asked for."""

    asked: ClassVar[list[str]] = []

    def log_request(self, *_: object) -> None:
        self.asked.append(f"{self.command} {self.path}")


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A small SEG-Y."""
    return write_segy(tmp_path / "far.sgy", VALUES)


@pytest.fixture
def http(survey: Path) -> Iterator[str]:
    """The address of a server of the folder with the survey, on loopback."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Counting, directory=str(survey.parent)))
    thread = Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()
    _Counting.asked.clear()


@pytest.fixture
def s3(survey: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with the survey in an object store on loopback, its keys in the environment."""
    made = ThreadedMotoServer("127.0.0.1", 0)
    made.start()
    host, port = made.get_host_and_port()
    keys = {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY": "geo", "SECRET_KEY": "physics"}
    for name, value in keys.items():
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
    client = boto3.client(
        "s3",
        endpoint_url=keys["ENDPOINT_URL"],
        aws_access_key_id=keys["ACCESS_KEY"],
        aws_secret_access_key=keys["SECRET_KEY"],
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="surveys")
    client.put_object(Bucket="surveys", Key="far.sgy", Body=survey.read_bytes())
    yield "s3://surveys"
    made.stop()


@pytest.mark.parametrize("store", ["http", "s3"])
def test_a_remote_segy_is_fetched_once(
    tiny: Callable[..., Workflow],
    store: str,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "werkzeug")
    address = request.getfixturevalue(store)
    flow = tiny(PREDICTING, sheet=f"volume\tsegy\nfar\t{address}/far.sgy\n")
    for words in ((), ("--forcerun", "segy_to_binary")):
        done = flow.run(*words, target=RAW)
        assert done.returncode == 0, done.stdout + done.stderr
    asked = [*_Counting.asked, *caplog.messages]
    assert sum("GET" in line and "/far.sgy" in line for line in asked) == 1, asked
    assert np.array_equal(np.fromfile(flow.folder / RAW, "<f4").reshape(VALUES.shape), VALUES)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "gopher://127.0.0.1/far.sgy",
            "volume 'far': survey: gopher://127.0.0.1/far.sgy: No storage",
        ),
        ("{http}/lost.sgy", "lost.sgy (in storage)"),
        ("s3://surveys/lost.sgy", "lost.sgy (in storage)"),
    ],
)
@pytest.mark.usefixtures("s3")
def test_an_address_that_gives_nothing_is_named(
    tiny: Callable[..., Workflow], http: str, address: str, said: str
) -> None:
    flow = tiny(PREDICTING, sheet=f"volume\tsegy\nfar\t{address.format(http=http)}\n")
    done = flow.run(target=RAW)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
