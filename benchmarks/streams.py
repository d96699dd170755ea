"""Twenty million respondents from one Parquet file: how much memory, and does time grow as the rows do?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.studies import RESPONDENTS, STORES, answers

SIZES = (5, 20)  # millions

# Runs in a process of its own, so that the peak is that of reading and scoring alone.
PROGRAM = """
import json, resource, sys, time
from benchmarks.studies import DESIGN, instrument
from servqual import Bootstrap, score_gaps
from servqual.streams import stream_responses
start = time.perf_counter()
responses = stream_responses(sys.argv[1], instrument(), DESIGN, respondent="respondent")
checked = time.perf_counter()
gaps = score_gaps(responses, by="tier")
done = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"n": responses.n, "check": checked - start, "score": done - checked, "peak": peak,
                  "gap": float(gaps.to_frame()["gap"].iloc[0])}))
"""


def write(path: Path, millions: int) -> None:
    """A Parquet file of so many million respondents, each with an id; written a million at a time."""
    frame = answers(RESPONDENTS, 4)
    writer = None
    for part in range(millions):
        rows = frame.assign(respondent=range(part * RESPONDENTS, (part + 1) * RESPONDENTS))
        rows["store"] = (rows["store"] + 7 * part) % STORES  # other people in other stores
        rows["tier"] = (rows["store"] % 4).astype("int8")
        table = pa.Table.from_pandas(rows, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def measured(path: Path) -> dict[str, float]:
    """Rows, seconds of both passes and peak megabytes of one run."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def twenty_million() -> str:
    """One line per size, and how time grew against rows."""
    lines, runs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for millions in SIZES:
            path = Path(folder) / f"{millions}.parquet"
            write(path, millions)
            run = measured(path)
            runs.append(run)
            lines.append(
                f"{run['n']:,} respondents from Parquet ({path.stat().st_size / 2**20:.0f} MB): check with ids {run['check']:.0f} s, "
                f"gap table by tier {run['score']:.0f} s, peak memory {run['peak']:.0f} MB; target < 1,000 MB"
            )
            path.unlink()
    first, last = ((run["check"] + run["score"]) / run["n"] for run in (runs[0], runs[-1]))
    return "\n".join(
        [*lines, f"time per respondent, {SIZES[-1]} against {SIZES[0]} million: {last / first:.2f}x; target about 1"]
    )
