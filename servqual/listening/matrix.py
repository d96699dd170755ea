"""Which means hears which customers, and how well? A matrix of means × segments with three levels."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.answers import label_key, number_of, text_of
from survey_design.errors import SpecError, check_columns
from survey_design.files.table import read_table
from survey_design.results import Column, Language, Result, Text, is_missing, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

FULLY, MEDIUM, LITTLE = 2, 1, 0
LEVELS: Mapping[Any, Text] = {
    FULLY: {"en": "fully", "zh": "完全"},
    MEDIUM: {"en": "medium", "zh": "中等"},
    LITTLE: {"en": "little or not", "zh": "很少或无关"},
}
ILLUSTRATIVE: Text = {
    "en": "ILLUSTRATIVE VALUES: the levels are made up to show how the table is read; put your own in their place",
    "zh": "示例数值：单元格等级为演示用途，并非实测，请代入本企业的数值",
}
YEARS_INFERRED: Text = {
    "en": "which means came in which year is inferred from the order of the original's rows",
    "zh": "各手段的新增年份由原表行序推断",
}
_OWN = ("means", "kind", "year", "en", "zh")
_MOST_FAULTS = 12


@dataclass(frozen=True)
class Means:
    """One means of hearing of problems: ``id``, its ``kind``, ``label``, and the ``year`` since which it is used (None: from
    before)."""

    id: str
    kind: str
    label: Text
    year: int | None = None


@dataclass(frozen=True)
class Segment:
    """Whom a means may hear: ``id``, ``label``, and the ``group`` of segments that it belongs to."""

    id: str
    label: Text
    group: Text = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class ListeningMatrix(Result):
    """Means × segments. Frame columns: ``kind, means, year`` and one per segment: 2 fully, 1 medium, 0 little or not.

    Attributes
    ----------
    id, named, source : what it is called and where it is from
    means, segments, kinds : in reporting order; ``kinds`` is id -> label
    illustrative : True where the levels are made up; every table and picture then says so
    years_inferred : True where the years are
    shortcomings : what is known to be missing, in words

    Raises
    ------
    SpecError
        For every fault at once: an id twice, a kind that is not declared, a level that is not 0, 1 or 2, or a means that would
        cover all of several segments fully. No single means hears everything, and a table that says so needs another look.
    """

    id: str = ""
    named: Text = field(default_factory=dict)
    source: Text = field(default_factory=dict)
    means: tuple[Means, ...] = ()
    segments: tuple[Segment, ...] = ()
    kinds: Mapping[str, Text] = field(default_factory=dict)
    illustrative: bool = False
    years_inferred: bool = False
    shortcomings: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        faults = list(_faults(self))
        if faults:
            more = f"\n- and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
            listed = "\n".join(f"- {fault}" for fault in faults[:_MOST_FAULTS])
            raise SpecError(f"listening matrix '{self.id}' can't be used:\n{listed}{more}")

    @property
    def cells(self) -> Array:
        """(means, segments) levels."""
        return self.frame[[each.id for each in self.segments]].to_numpy(int)

    @property
    def words(self) -> dict[str, Text]:
        """Labels of means and segments."""
        return {each.id: each.label for each in self.means} | {each.id: each.label for each in self.segments}

    def remarks(self, years: bool = False) -> tuple[Text, ...]:
        """What must stand beside everything that is shown of it; with ``years`` also beside what is told by year."""
        inferred = (YEARS_INFERRED,) if years and self.years_inferred else ()
        return ((ILLUSTRATIVE,) if self.illustrative else ()) + inferred

    def title(self) -> str:
        name = say(self.named, self.language) or self.id
        if not self.illustrative:
            return name
        return f"{name}（示例数值）" if self.language == "zh" else f"{name} (illustrative values)"

    def columns(self) -> tuple[Column, ...]:
        return (
            Column("kind", {"en": "kind", "zh": "类别"}, "text", self.kinds),
            Column("means", {"en": "means", "zh": "手段"}, "text", self.words),
            Column("year", {"en": "since", "zh": "新增年份"}, "text", {"": {"en": "before", "zh": "原有"}}),
            *(Column(each.id, each.label, "text", LEVELS) for each in self.segments),
        )

    def note(self) -> str:
        said = [*self.remarks(years=True), *([{"en": f"source: {say(self.source, 'en')}", "zh": f"来源：{say(self.source, 'zh')}"}]
                                   if self.source else [])]  # fmt: skip
        return sentences(said, self.language)

    def sentence(self) -> str:
        """How many means, of how many kinds, for whom."""
        n, kinds, segments = len(self.means), len(self.kinds), len(self.segments)
        fully = int((self.cells == FULLY).all(axis=1).sum())
        if self.language == "zh":
            head = f"{n} 种手段（{kinds} 类）× {segments} 类对象；能完全覆盖所有对象的单一手段：{fully or '无'}。"
        else:
            head = (
                f"{n} means of {kinds} kind{'s' * (kinds != 1)} × {segments} segment{'s' * (segments != 1)}; "
                f"{'no single means covers' if not fully else f'{fully} cover'} all of them fully."
            )
        return " ".join(filter(None, [head, self.note()])) if self.language == "en" else head + self.note()

    def plot(self, ax: Axes | None = None) -> Axes:
        """The matrix as a heat map (see ``servqual.plots.listening``)."""
        from servqual.plots.listening import draw_listening_matrix

        return draw_listening_matrix(self, ax)


def sentences(parts: Sequence[Text], language: str) -> str:
    """Parts of a note, each a sentence of its own."""
    said = [say(part, language) for part in parts]
    if language == "zh":
        return "".join(f"{part}。" for part in said)
    return " ".join(f"{part[:1].upper()}{part[1:]}." for part in said)


def _faults(matrix: ListeningMatrix) -> Iterator[str]:
    """Everything that is wrong with a matrix."""
    for what, ids in (("means", [m.id for m in matrix.means]), ("segment", [s.id for s in matrix.segments])):
        if not ids:
            yield f"it has no {what}"
        yield from (f"{what} '{name}' is there twice" for name in dict.fromkeys(ids) if ids.count(name) > 1)
        yield from (f"a {what} has no id" for name in ids if not name)
    yield from (f"segment '{s.id}' bears the name of a column of ours: rename it"
                for s in matrix.segments if s.id in _OWN)  # fmt: skip
    yield from (f"'{m.id}' is of kind '{m.kind}', which is not declared"
                for m in matrix.means if m.kind not in matrix.kinds)  # fmt: skip
    names = [s.id for s in matrix.segments]
    if len(set(names)) < len(names) or set(names) & set(_OWN) or not names:
        return
    cells = matrix.frame[names].to_numpy(object)
    known = np.isin(cells, list(LEVELS))
    for i, j in np.argwhere(~known):
        yield f"'{matrix.means[i].id}' × '{names[j]}': {cells[i, j]!r} is not 2 (fully), 1 (medium) or 0 (little or not)"
    if len(names) > 1 and known.all():
        for i in np.flatnonzero((cells == FULLY).all(axis=1)):
            yield (
                f"'{matrix.means[i].id}' covers all {len(names)} segments fully. No single means hears everything: "
                "look at its cells again"
            )


# --- where they come from ----------------------------------------------------------------------------------


def available_listening_matrices() -> list[str]:
    """Names of the matrices that come with the toolkit.

    >>> available_listening_matrices()
    ['illustrative']
    """
    folder = resources.files("servqual.listening") / "matrices"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_listening_matrix(name: str | Path, *, language: Language = "en") -> ListeningMatrix:
    """A matrix by name, or from a file of your own.

    Parameters
    ----------
    name : "illustrative" (16 means in 4 kinds × 5 columns; its levels are ours and only show how the table is read), or the path
        of a TOML, CSV or Excel file
    language : in which it shows itself

    Notes
    -----
    TOML: as the shipped one, ``servqual/listening/matrices/illustrative.toml``. CSV or Excel: a row a means with the columns
    ``means`` and ``kind``, if wanted ``year``, ``en`` and ``zh`` (labels), and a column for each segment. A cell is 2, 1, 0, or
    9, 3, 0 as in quality function deployment (a 1 is then "little"), or "fully", "medium", "little" (完全、中等、很少).
    Levels are an order, not amounts: nothing here adds them up.

    Raises
    ------
    SpecError
        If there is no such matrix, or for every fault in it at once.

    Examples
    --------
    >>> load_listening_matrix("illustrative").sentence()[:80]
    '16 means of 4 kinds × 5 segments; no single means covers all of them fully. ILLU'
    """
    if str(name) in available_listening_matrices():
        shipped = resources.files("servqual.listening") / "matrices" / f"{name}.toml"
        return _from_toml(shipped.read_text(encoding="utf-8"), str(name), language)
    path = Path(name)
    if not path.is_file() or path.suffix.lower() not in (".toml", ".csv", ".tsv", ".xlsx"):
        listed = ", ".join(available_listening_matrices())
        raise SpecError(f"no listening matrix '{name}'. Shipped: {listed}; or give the path of a .toml, .csv or .xlsx file.")  # fmt: skip
    if path.suffix.lower() == ".toml":
        return _from_toml(path.read_text(encoding="utf-8-sig"), path.name, language)
    return matrix_of(read_table(path)[0], name=path.stem, language=language)


def matrix_of(table: pd.DataFrame, *, name: str = "own", language: Language = "en") -> ListeningMatrix:
    """A matrix from a table: a row a means, a column a segment (see :func:`load_listening_matrix`).

    >>> table = pd.DataFrame(
    ...     {"means": ["survey", "hotline"], "kind": ["active", "passive"], "shop": [2, 1], "home": [0, 2]}
    ... )
    >>> matrix_of(table).cells.tolist()
    [[2, 0], [1, 2]]
    """
    check_columns(["means", "kind"], table.columns, name)
    names = [str(column) for column in table.columns if str(column) not in _OWN]
    shipped = load_listening_matrix("illustrative")
    labels, kinds = shipped.words, dict.fromkeys(text_of(kind) for kind in table["kind"])
    means = []
    for record in table.to_dict("records"):
        key = text_of(record["means"])
        own = {language: text_of(record[language]) for language in ("en", "zh") if not is_missing(record.get(language))}
        year = number_of(text_of(record.get("year")))
        means.append(Means(key, text_of(record["kind"]), own or {"en": key}, None if np.isnan(year) else int(year)))
    segments = tuple(Segment(each, labels.get(each, {"en": each})) for each in names)
    cells = _levels([[text_of(table[each].iloc[k]) for each in names] for k in range(len(table))])
    return _matrix(means, segments, {k: shipped.kinds.get(k, {"en": k}) for k in kinds}, cells, name, language)


def _levels(texts: Sequence[Sequence[str]]) -> list[list[Any]]:
    """Cells as levels; what is none stays as it is written, to be named as a fault."""
    words = {label_key(word): level for level, text in LEVELS.items() for word in text.values()} | {"little": LITTLE}
    flat = {text for line in texts for text in line}
    nines = bool(flat & {"9", "3", "9.0", "3.0"})
    steps: dict[float, int] = {9: FULLY, 3: MEDIUM, 1: LITTLE, 0: LITTLE} if nines else {k: k for k in LEVELS}

    def level(text: str) -> Any:
        return words.get(label_key(text), steps.get(number_of(text), text))

    return [[level(text) for text in line] for line in texts]


def _matrix(
    means: Sequence[Means], segments: Sequence[Segment], kinds: Mapping[str, Text], cells: Sequence[Sequence[Any]], name: str,
    language: Language, **more: Any,
) -> ListeningMatrix:  # fmt: skip
    head = {"kind": [m.kind for m in means], "means": [m.id for m in means],
            "year": ["" if m.year is None else str(m.year) for m in means]}  # fmt: skip
    levels = {each.id: [line[k] for line in cells] for k, each in enumerate(segments)}
    return ListeningMatrix(
        pd.DataFrame({**head, **levels}), language, id=name, means=tuple(means), segments=tuple(segments), kinds=dict(kinds),
        **{"named": {"en": f"Listening matrix: {name}", "zh": f"倾听矩阵：{name}"}, **more},
    )  # fmt: skip


_KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {  # needed, allowed besides
    "": (frozenset({"id", "kinds", "segments", "means"}), frozenset({"title", "source", "illustrative", "years_inferred", "shortcomings"})),
    "kinds": (frozenset({"id", "label"}), frozenset()),
    "segments": (frozenset({"id", "label"}), frozenset({"group"})),
    "means": (frozenset({"id", "kind", "label", "cells"}), frozenset({"year"})),
    "shortcomings": (frozenset({"label"}), frozenset({"segment", "means"})),
}  # fmt: skip


def _from_toml(text: str, where: str, language: Language) -> ListeningMatrix:
    content = read_toml(text, where)
    faults = key_faults(content, _KEYS)
    if not faults:
        names = [each["id"] for each in content["segments"]]
        for block in content["means"]:
            faults += [f"means '{block['id']}': no level for '{each}'" for each in names if each not in block["cells"]]
            faults += [f"means '{block['id']}': '{each}' is no segment" for each in block["cells"] if each not in names]
    if faults:
        raise SpecError(f"{where} can't be used:\n" + "\n".join(f"- {fault}" for fault in faults[:_MOST_FAULTS]))
    means = [Means(each["id"], each["kind"], each["label"], each.get("year")) for each in content["means"]]
    segments = [Segment(each["id"], each["label"], each.get("group", {})) for each in content["segments"]]
    cells = _levels([[text_of(block["cells"][each]) for each in names] for block in content["means"]])
    told = {key: content[key] for key in ("source", "illustrative", "years_inferred") if key in content}
    return _matrix(
        means, segments, {each["id"]: each["label"] for each in content["kinds"]}, cells, content["id"], language, **told,
        **({"named": content["title"]} if "title" in content else {}),
        shortcomings=tuple(each["label"] for each in content.get("shortcomings", [])),
    )  # fmt: skip


def read_toml(text: str, where: str) -> dict[str, Any]:
    """A TOML text as a mapping; what is wrong with it in words."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not valid TOML: {error}.") from error


def key_faults(content: Mapping[str, Any], keys: Mapping[str, tuple[frozenset[str], frozenset[str]]]) -> list[str]:
    """Keys that are missing or unknown, in the head and in each block of tables."""
    blocks = [("", content)]
    for name in keys:
        listed = content.get(name, []) if name else []
        if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
            return [f"{name} must be written as [[{name}]] blocks"]
        blocks += [(name, each) for each in listed]
    faults = []
    for name, block in blocks:
        needed, more = keys[name]
        place = f"[[{name}]] '{block.get('id', '?')}': " if name else ""
        faults += [f"{place}'{key}' is missing" for key in sorted(needed - set(block))]
        faults += [f"{place}unknown key '{key}'" for key in block if key not in needed | more]
    return faults
