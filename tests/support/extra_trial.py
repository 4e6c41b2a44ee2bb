"""Uses what one extra of pathvein is for, in an environment that has no other.

``python extra_trial.py EXTRA [URL OPTIONS]``, in an empty directory; the URL and its options, as
JSON, are where a store holds ``lab/run_1/config.json``. Only the standard library, pathvein
and what the extra brings may be imported here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pathvein
from pathvein import CheckReport, FileStructurePattern, check, scan

RUN = FileStructurePattern("run_*", files=["config.json"])


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pathvein", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(function: Callable[[], object], extra: str) -> None:
    """That it is said, in one line, which extra is missing."""
    said = ""
    try:
        function()
    except ImportError as error:
        said = str(error)
    assert f"pip install 'pathvein[{extra}]'" in said, f"{extra}: {said}"
    assert "\n" not in said, said


def plain() -> None:
    done = command("scan", ".", "-e", "run_*/config.json")
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert "pip install 'pathvein[cli]'" in done.stderr, done.stderr
    report = CheckReport(check("lab", RUN))
    Path("p.yaml").write_text("directory_name: run_*\n", encoding="utf-8")
    refused(lambda: scan("memory://lab", RUN), "cloud")
    refused(lambda: FileStructurePattern.load("p.yaml"), "yaml")
    refused(lambda: report.to_html("page.html"), "report")
    refused(lambda: report.to_pandas(), "pandas")
    refused(lambda: report.to_polars(), "polars")
    refused(lambda: report.to_arrow(), "arrow")
    refused(lambda: pathvein.scan_inventory("manifest.json", RUN), "inventory")
    # Standard library and core alone.
    assert not [name for name in ("fsspec", "rich", "click", "yaml") if found(name)]


def found(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def cli() -> None:
    first = command("--version").stdout.splitlines()[0]
    assert first == f"pathvein, version {pathvein.__version__}"
    done = command("scan", "lab", "-e", "run_*/config.json")
    assert done.stdout.splitlines() == [str(Path("lab/run_1").resolve())], done
    assert "Usage" in command("scan", "--help").stdout


def cloud() -> None:
    fsspec: Any = importlib.import_module("fsspec")
    fsspec.filesystem("memory").pipe({"/lab/run_1/config.json": b"{}"})
    [result] = scan("memory://lab", RUN)
    assert str(result.source) == "memory://lab/run_1", result
    for url, extra in [
        ("s3://bucket/lab", "s3"),
        ("gs://bucket/lab", "gcs"),
        ("abfs://container/lab", "azure"),
        ("sftp://127.0.0.1/lab", "sftp"),
    ]:
        refused(lambda url=url: scan(url, RUN), extra)  # type: ignore[misc]


def store(url: str, options: dict[str, Any], lister: Literal["auto", "obstore"] = "auto") -> None:
    [result] = scan(url + "/lab", RUN, storage_options=options, lister=lister)
    assert result.source.name == "run_1", result
    if lister == "auto" and not url.startswith("sftp"):
        refused(lambda: scan(url, RUN, storage_options=options, lister="obstore"), "obstore")


def obstore(url: str, options: dict[str, Any]) -> None:
    """With the extra of a store."""
    store(url, options, "obstore")
    assert "obstore.store" in sys.modules


def obstore_alone() -> None:
    importlib.import_module("obstore.store")
    refused(lambda: scan("s3://bucket/lab", RUN, lister="obstore"), "s3")


def yaml() -> None:
    text = "directory_name: run_*\nfiles: [config.json]\n"
    Path("p.yaml").write_text(text, encoding="utf-8")
    assert FileStructurePattern.load("p.yaml") == RUN
    assert len(scan("lab", FileStructurePattern.load("p.yaml"))) == 1


def report() -> None:
    made = CheckReport(check("lab", RUN))
    made.to_html("page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>"), page[:100]
    assert page.rstrip().endswith("</html>"), page[-100:]


def frame(package: str) -> None:
    made = CheckReport(check("lab", RUN))
    table = getattr(made, f"to_{package}")()
    assert len(table) > 0
    assert len(getattr(pathvein, f"to_{package}")(scan("lab", RUN))) == 1


def dask() -> None:
    distributed: Any = importlib.import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert scan("lab", RUN, executor=client) == scan("lab", RUN)


def inventory() -> None:
    """One of Google Cloud Storage as CSV, the simplest."""
    refused(lambda: scan("s3://bucket", RUN), "s3")
    made = Path("inventory")
    made.mkdir()
    (made / "shard_0.csv").write_text("bucket,name,size\nlab,run_1/config.json,2\nlab,run_2/a,1\n")
    (made / "manifest.json").write_text(
        json.dumps(
            {
                "report_config": {
                    "csvOptions": {"delimiter": ",", "headerRequired": True},
                    "objectMetadataReportOptions": {
                        "metadataFields": ["bucket", "name", "size"],
                        "storageFilters": {"bucket": "lab"},
                    },
                },
                "records_processed": "2",
                "report_shards_file_names": ["shard_0.csv"],
                "shard_count": 1,
                "snapshot_time": "2026-11-28T01:00:00Z",
            }
        )
    )
    results = pathvein.scan_inventory(made / "manifest.json", RUN)
    assert [result.source.name for result in results] == ["run_1"]


def main(extra: str, *place: str) -> None:
    for run in ("run_1", "run_2"):
        Path("lab", run).mkdir(parents=True)
    Path("lab/run_1/config.json").write_text("{}", encoding="utf-8")
    assert Path(pathvein.__file__).is_relative_to(sys.prefix), pathvein.__file__
    assert [result.source.name for result in scan("lab", RUN)] == ["run_1"]
    url, options = (place[0], json.loads(place[1])) if place else ("", {})
    trials: dict[str, Callable[[], object]] = {
        "": plain,
        "cli": cli,
        "cloud": cloud,
        "s3": lambda: store(url, options),
        "gcs": lambda: store(url, options),
        "azure": lambda: store(url, options),
        "sftp": lambda: store(url, options),
        "obstore": obstore_alone,
        "obstore,s3": lambda: obstore(url, options),
        "yaml": yaml,
        "report": report,
        "pandas": lambda: frame("pandas"),
        "polars": lambda: frame("polars"),
        "arrow": lambda: frame("arrow"),
        "dask": dask,
        "inventory": inventory,
        "all": lambda: [trials[each]() for each in ("cli", "yaml", "report", "obstore,s3")],
    }
    trials[extra]()


if __name__ == "__main__":
    main(*sys.argv[1:])
