"""How are answers read that do not fit into memory? Batch by batch: once to check them, then once for every table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import Codes, as_codes
from servqual.instruments import Instrument
from servqual.moments import rebatched
from servqual.responses import Check, Faults, Ledger, PersonalDataRule, Reading, Responses, nothing_left
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.files.columnar import ArrowStream, as_frame
from survey_design.files.table import Source
from survey_design.results import Variable
from survey_design.sampling import SampleDesign

if TYPE_CHECKING:
    from servqual.privacy import PersonalData

Array = NDArray[Any]
Batches = Callable[[Sequence[str] | None], Iterator[pd.DataFrame]]

_MOST_CASES = 1_000  # faulty cells that are listed; all are counted
_BATCH = 65_536  # rows that are checked together; fixed, whatever the file's own batches are


class ResponseStream(Responses):
    """Answers that stay where they are and are read batch by batch; scored like :class:`~servqual.responses.Responses`.

    Memory holds one batch, the sums that the scores are made of, and 8 bytes per respondent where ``respondent`` names
    who they are (to see who comes twice; texts are compared by a 64-bit number, which takes two of 20 million different
    people for one with a chance of 1 in 90,000). Every table is the same, byte for byte, as from rows in memory.

    ``cases`` lists the first 1,000 faulty cells; the ledger counts all. What needs all rows at once (careless answers,
    tolerance zones, a bootstrap of respondents) says so.

    Made by :func:`stream_responses`.
    """

    streamed = True

    def __init__(
        self,
        batches: Batches,
        instrument: Instrument,
        design: SampleDesign,
        *,
        columns: Mapping[str, str],
        codes: Codes,
        faults: Faults,
        respondent: str | None,
        variables: Mapping[str, Variable],
        value_labels: Mapping[str, Any],
        personal_data: PersonalDataRule,
        source: Source,
    ) -> None:
        parts = {"_batches": batches, "_columns": dict(columns), "_codes": codes, "_words": dict(value_labels),
                 "_masked": personal_data == "mask",
                 "instrument": instrument, "design": design, "respondent": respondent, "source": source}  # fmt: skip
        for name, value in parts.items():
            object.__setattr__(self, name, value)
        total = self._checked()
        if faults == "raise" and total.n_cases:
            shown = "; ".join(
                f"{c.column}: {c.value!r} {c.problem} (row {c.row})" for c in total.cases.head(5).itertuples()
            )
            raise DataError(
                f"{source.name}: {total.n_cases:,} faults. {shown}. Correct the file, or set faults = 'set aside' to leave these "
                "out and have them counted.", total.cases)  # fmt: skip
        if not total.n:
            raise DataError(nothing_left(total.ledger, total.cases, source.name), total.cases)
        found = {
            "forms": total.forms,
            "ledger": Ledger(total.ledger, instrument.language, source.name, (), design.margins),
            "cases": total.cases,
            "source": replace(source, n_raw=int(total.ledger["n"].iloc[0])),
            "variables": dict(variables),
            "expectation": None,
            "answers_by_kind": total.by_kind,
            "rows_alike": 0,
            "personal_data": total.personal_data(),
            "matches": {item.id: item.id for item in instrument.items},
            "unmatched": (),
            "_n": total.n,
            "_repeats": bool((total.ledger.set_index("step")["n"])["duplicate"]),
            "_names": total.names,
            "_measured": frozenset(total.measured),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def frame(self) -> pd.DataFrame:
        """Refused: the rows are not in memory."""
        raise SpecError(
            f"{self.source.name} is streamed: its rows are not in memory, and this needs them all. Read a sample of it, or "
            "the file itself with read_responses."
        )

    @property
    def n(self) -> int:
        """Respondents kept."""
        return int(self.__dict__["_n"])

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the rows kept."""
        return list(self.__dict__["_names"])

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """The rows kept, in frames of equal size."""
        yield from rebatched(reading.frame for reading, _ in self._readings(columns))

    def _readings(self, columns: Sequence[str] | None) -> Iterator[tuple[Reading, PersonalData | None]]:
        """One check after the other over the batches of the file."""
        wanted = None if columns is None else self._theirs(columns)
        again = self.respondent is not None and self.__dict__.get("_repeats", True)  # known after the first pass
        seen, start = _Seen(), 0
        for batch in rebatched(
            self.__dict__["_batches"](wanted), _BATCH
        ):  # what is decided by column must not hang on batches
            batch = batch.copy(deep=False)
            batch.index = pd.RangeIndex(start + 1, start + len(batch) + 1)
            start += len(batch)
            source = Source(self.source.name, n_raw=len(batch))
            check = Check.of(batch, self.instrument, self.design, self.__dict__["_columns"], self.respondent, source)
            check = replace(check, codes=self.__dict__["_codes"], words=self.__dict__["_words"])
            check = replace(check, measured=self.__dict__.get("_measured", frozenset()))
            check = replace(check, earlier=seen.contains if again else None)
            check, personal = check.masking(code=False) if self.__dict__["_masked"] else (check, None)
            reading = check.run()
            if again:
                seen.add(check.ids()[reading.kept])
            yield reading, personal

    def _theirs(self, columns: Sequence[str]) -> list[str]:
        """What the file calls these columns, and all others that the check needs."""
        asked = [
            form.column_of(item)
            for form in self.instrument.forms
            if form.name in self.forms
            for item in self.instrument.items
        ]
        ours = [*asked, *self.design.column_names(), *([self.respondent] if self.respondent else []), *columns]
        named = self.__dict__["_columns"]
        return list(dict.fromkeys(named.get(name, name) for name in ours))

    def _checked(self) -> _Total:
        total = _Total()
        for reading, personal in self._readings(None):
            total.add(reading, personal)
        return total


def stream_responses(
    data: str | Path | Callable[[], ArrowStream],
    instrument: Instrument,
    design: SampleDesign | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    missing_codes: Sequence[Any] = (),
    dont_know: Sequence[Any] = (),
    faults: Faults = "raise",
    respondent: str | None = None,
    variables: Mapping[str, Variable] | None = None,
    value_labels: Mapping[str, Any] | None = None,
    personal_data: PersonalDataRule = "mask",
    progress: Callable[[int], None] | None = None,
) -> ResponseStream:
    """Answers too many for memory, from a Parquet file or anything that hands over Arrow batches again and again.

    Parameters
    ----------
    data : path of a Parquet file, or a function without arguments that starts the stream anew on every call:
        ``lambda: duckdb.sql("from 'answers/*.parquet'")``, ``lambda: polars.scan_csv("big.csv").collect()``
    instrument, design, columns, missing_codes, dont_know, faults, respondent, variables, value_labels, personal_data : as
        in :class:`~servqual.responses.Responses`; a respondent column is not coded, since it is in no table
    progress : called with the number of rows read so far after every batch, in every pass

    Returns
    -------
    ResponseStream
        It is checked here, in one pass; :func:`~servqual.gaps.score_gaps` and
        :func:`~servqual.gaps.score_performance` take another.

    Raises
    ------
    DataError
        If the file cannot be read, or answers are faulty and ``faults`` is "raise".

    Examples
    --------
    >>> import pyarrow
    >>> from servqual import load_instrument, score_gaps
    >>> instrument = load_instrument("servperf-22")
    >>> table = pyarrow.table({column: [5, 6, 7] for column in instrument.columns("perception").values()})
    >>> answers = stream_responses(lambda: table, instrument)
    >>> answers.n, score_gaps(answers, expected=6).to_frame()["gap"].tolist()
    (3, [0.0, 0.0, 0.0, 0.0, 0.0])
    """
    check_choice("faults", faults, Faults)
    check_choice("personal_data", personal_data, PersonalDataRule)
    batches, source = _parquet(Path(data)) if isinstance(data, (str, Path)) else (_arrow(data), Source("stream"))
    return ResponseStream(
        _told(batches, progress),
        instrument,
        design or SampleDesign(),
        columns=columns or {},
        codes=Codes(as_codes(missing_codes), as_codes(dont_know)),
        faults=faults,
        respondent=respondent,
        variables=variables or {},
        value_labels=value_labels or {},
        personal_data=personal_data,
        source=source,
    )


def _parquet(path: Path) -> tuple[Batches, Source]:
    """Batches of a Parquet file, whose columns are read only where they are wanted."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        pq.ParquetFile(path).close()
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet ({error}). Check the name, or write the file again."
        ) from error

    def batches(columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            check_columns(columns or [], names, path.name)
            chosen = None if columns is None else list(columns)
            for batch in file.iter_batches(_BATCH, columns=chosen, use_threads=False):
                yield as_frame(pa.Table.from_batches([batch]))

    return batches, Source(path.name, digest)


def _arrow(start: Callable[[], ArrowStream]) -> Batches:
    """Batches of a stream that can be started again."""
    if not callable(start):
        raise SpecError("data must be the path of a Parquet file, or a function that starts the stream: lambda: table.")

    def batches(columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_stream(start())
        for batch in reader:
            check_columns(columns or [], batch.schema.names, "the stream")
            chosen = batch if columns is None else batch.select(list(columns))
            for offset in range(0, chosen.num_rows, _BATCH):
                yield as_frame(pa.Table.from_batches([chosen.slice(offset, _BATCH)]))

    return batches


def _told(batches: Batches, progress: Callable[[int], None] | None) -> Batches:
    """The same batches, with a word about each."""
    if progress is None:
        return batches

    def telling(columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
        rows = 0
        for batch in batches(columns):
            yield batch
            rows += len(batch)
            progress(rows)

    return telling


class _Total:
    """What the check of all batches adds up to."""

    def __init__(self) -> None:
        self.forms: tuple[str, ...] = ()
        self.names: list[str] = []
        self.measured: set[str] = set()
        self.ledger = pd.DataFrame(columns=["part", "step", "n"])
        self.by_kind = pd.DataFrame()
        self.cases = pd.DataFrame()
        self.n = self.n_cases = 0
        self.personal: list[PersonalData] = []

    def personal_data(self) -> PersonalData | None:
        """What was masked in all batches; None if nothing was looked for."""
        if not self.personal:
            return None
        found = pd.concat([part.frame for part in self.personal], ignore_index=True)
        keys = ["column", "kind", "how", "action"]
        table = found.groupby(keys, sort=False, as_index=False).agg({"n": "sum", "example": "first"})[
            list(found.columns)
        ]
        return replace(self.personal[0], frame=table, n_rows=sum(part.n_rows for part in self.personal))

    def add(self, reading: Reading, personal: PersonalData | None) -> None:
        """Adds one batch."""
        if personal is not None:
            self.personal.append(personal)
        if not self.names:
            self.forms, self.names = reading.forms, list(reading.frame.columns)
            self.ledger, self.by_kind, self.cases = (
                reading.ledger,
                reading.answers_by_kind,
                reading.cases.head(_MOST_CASES),
            )
        else:
            self.ledger = self.ledger.assign(n=self.ledger["n"] + reading.ledger["n"])
            self.by_kind = self.by_kind + reading.answers_by_kind
            if len(self.cases) < _MOST_CASES and len(reading.cases):
                self.cases = pd.concat([self.cases, reading.cases], ignore_index=True).head(_MOST_CASES)
        self.measured |= {str(name) for name in reading.frame if reading.frame[name].dtype.kind == "f"}
        self.n += len(reading.frame)
        self.n_cases += len(reading.cases)


class _Seen:
    """Who was met before, as sorted 64-bit numbers in runs of falling size, so that n people cost n log n."""

    def __init__(self) -> None:
        self.runs: list[Array] = []

    def contains(self, ids: Array) -> Array:
        """(n,) True where an id was met before."""
        keys = _keys(ids)
        found = np.zeros(len(keys), dtype=bool)
        for run in self.runs:
            place = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            found |= run[place] == keys
        return found

    def add(self, ids: Array) -> None:
        """Adds those who were kept."""
        run = np.sort(_keys(ids if ids.dtype.kind in "iu" else ids[ids != ""]))
        while self.runs and len(self.runs[-1]) <= len(run):
            run = np.concatenate([self.runs.pop(), run])
            run.sort()  # in place: this is where memory peaks
        if len(run):
            self.runs.append(run)


def _keys(ids: Array) -> Array:
    """(n,) a 64-bit number per id: a whole number itself, else one made of its text; 1001 and "1001" are one person."""
    if ids.dtype.kind in "iu":
        return ids.astype(np.int64).view(np.uint64)
    texts = [str(text) for text in ids]
    keys = np.asarray(pd.util.hash_array(np.array(texts, dtype=object), categorize=False))
    numbers = [
        k
        for k, text in enumerate(texts)
        if len(text) < 19 and text.isascii() and text.isdigit() and str(int(text)) == text
    ]
    keys[numbers] = [int(texts[k]) for k in numbers]
    return keys
