"""How do the items go together? Their covariances, or the correlations of what lies behind ordered answers.

:class:`ItemMatrix` is what every analysis of a scale's structure starts from: a small matrix, its base and how it was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servqual.instruments import Item
from servqual.moments import Block, Cells, Moments, ScoreMap, answer_matrix, one_blas_thread, row_weights
from servqual.polychorics import BOUND, InfluenceRows, PairCounts, PolychoricFit, fit_polychorics, told
from servqual.responses import Responses
from survey_design.errors import DataError, SpecError, check_choice, check_columns
from survey_design.results import Column, Language, Result, Text, say, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Of = Literal["perception", "expectation", "gap"]
MissingRule = Literal["listwise", "pairwise"]
Kind = Literal["pearson", "polychoric"]
AskedKind = Literal["pearson", "polychoric", "auto"]

OF_WORDS: Mapping[str, Text] = {
    "perception": {"en": "perceptions", "zh": "感知"},
    "expectation": {"en": "expectations", "zh": "期望"},
    "gap": {"en": "gaps P − E", "zh": "差距 P − E"},
}
_KIND_WORDS: Mapping[str, Text] = {
    "pearson": {"en": "Pearson correlations", "zh": "Pearson 相关"},
    "polychoric": {"en": "polychoric correlations", "zh": "多分格（polychoric）相关"},
}
_MISSING_WORDS: Mapping[str, Text] = {
    "listwise": {"en": "respondents who answered every item", "zh": "回答全部题项的受访者"},
    "pairwise": {"en": "each pair of items over those who answered both", "zh": "每对题项取两题均作答者"},
}
_ASYMMETRY = 1e-8  # of the largest entry: what printing and rounding leave
_FLOOR = 1e-8  # of a smoothed eigenvalue
_FLAT = 1e-12  # of an eigenvalue's mean: what rounding leaves of nothing
_MOST_NAMED = 6
_FEW_ROWS = 4_096  # where a row becomes some hundred influences


# --- the noun ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ItemMatrix:
    """Means and covariances of k items, their base, and how they were made.

    Attributes
    ----------
    names : (k,) item ids
    labels : (k,) their words
    dimensions : (k,) id of each item's dimension, "" where it has none
    of : "perception", "expectation" or "gap"
    mean : (k,) means of the answers; 0 for polychoric correlations, which are about latent variables
    covariance : (k, k), divisor n - 1; for polychoric correlations the correlations themselves
    n : complete respondents, or the smallest count of a pair
    n_pairs : (k, k) respondents who answered both items; on the diagonal, the one
    n_dropped : respondents kept in the data whom no entry rests on
    missing : "listwise" or "pairwise"
    weighted : True where respondents count by weights; counts above are of respondents
    kind : "pearson" or "polychoric"
    thresholds : for each item where its latent variable is cut (rising), or None
    categories : for each item the answers in use (one more than thresholds), or None
    remarks : what the data made it necessary to say
    scale : lowest and highest answer possible, or None where unknown
    language : in which results built on it show themselves
    because : why this kind of correlation was taken, empty where it was asked for
    se : (k, k) standard errors of polychoric correlations, or None
    dimension_labels : words of the dimensions, by id
    given : True for a matrix without its answers, so that nothing is known of missing ones

    Notes
    -----
    A matrix from a paper will do: :meth:`from_matrix` takes it with its n alone. Matrices that are not symmetric, not
    finite, or have an item without variance are refused, with the offending items in ``.cases``.

    Examples
    --------
    >>> matrix = ItemMatrix.from_matrix([[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]], 200, ["a", "b", "c"])
    >>> matrix.subset(["c", "a"]).correlation.tolist()
    [[1.0, 0.2], [0.2, 1.0]]
    >>> matrix
    3 items: Pearson correlations of perceptions; a matrix given as such, n = 200.
    """

    names: tuple[str, ...]
    labels: tuple[Text, ...]
    dimensions: tuple[str, ...]
    of: Of
    mean: Array
    covariance: Array
    n: int
    n_pairs: Array
    n_dropped: int = 0
    missing: MissingRule = "listwise"
    weighted: bool = False
    kind: Kind = "pearson"
    thresholds: tuple[Array, ...] | None = None
    remarks: tuple[Text, ...] = ()
    scale: tuple[float, float] | None = None
    language: Language = "en"
    categories: tuple[Array, ...] | None = None
    because: Text = field(default_factory=dict)
    se: Array | None = None
    dimension_labels: Mapping[str, Text] = field(default_factory=dict)
    given: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("of", Of), ("missing", MissingRule), ("kind", Kind), ("language", Language)):
            check_choice(name, getattr(self, name), choices)
        k = len(self.names)
        if k < 2:
            raise SpecError(f"{k} items have no correlations. Give at least 2.")
        _check_names(self.names)
        shapes = {"covariance": (k, k), "mean": (k,), "n_pairs": (k, k), "labels": (k,), "dimensions": (k,)}
        for name, shape in shapes.items():
            found = (
                np.shape(getattr(self, name)) if name not in ("labels", "dimensions") else (len(getattr(self, name)),)
            )
            if found != shape:
                raise SpecError(f"{name} has shape {found}; {k} items need {shape}.")
        _check_matrix(self.covariance, self.names)
        if self.n < 2:
            raise SpecError(f"n={self.n}: a correlation needs at least 2 respondents.")

    @classmethod
    def from_matrix(
        cls,
        matrix: Any,
        n: int,
        names: Sequence[str] | None = None,
        *,
        dimensions: Sequence[str] | None = None,
        mean: Any = None,
        labels: Sequence[Text] | None = None,
        of: Of = "perception",
        kind: Kind = "pearson",
        scale: tuple[float, float] | None = None,
        language: Language = "en",
    ) -> ItemMatrix:
        """A correlation or covariance matrix with its n, as printed in a paper.

        ``matrix`` is square and symmetric, or a DataFrame whose columns name the items; from a file
        ``pd.read_csv("matrix.csv", index_col=0)``. ``dimensions`` names each item's dimension, in the order of the columns.
        """
        values = _numbers_of(matrix)
        if values.ndim != 2 or values.shape[0] != values.shape[1]:
            beside = (
                " If the first column holds the items' names: pd.read_csv(..., index_col=0)."
                if (values.ndim == 2 and values.shape[1] == values.shape[0] + 1)
                else ""
            )
            raise SpecError(f"a matrix of shape {values.shape} is not square. Give k rows and k columns.{beside}")
        k = len(values)
        own = matrix.columns if isinstance(matrix, pd.DataFrame) else [f"item{j + 1}" for j in range(k)]
        ids = tuple(str(name) for name in (own if names is None else names))
        groups = tuple(dimensions) if dimensions is not None else ("",) * k
        words = tuple(labels) if labels is not None else tuple({"en": name, "zh": name} for name in ids)
        means = np.zeros(k) if mean is None else np.array(mean, dtype=float)
        return cls(ids, words, groups, of, means, values, int(n), np.full((k, k), int(n)), kind=kind, scale=scale,
                   language=language, given=True)  # fmt: skip

    def __repr__(self) -> str:
        """Items, form, base and warnings in a few lines; :meth:`table` has the numbers."""
        lines = [spaced(f"{self.k} 个题项：") if self.language == "zh" else f"{self.k} items: ", self.sentence()]
        stop = "。" if self.language == "zh" else "."
        return "".join(lines) + "".join(f"\n{say(words, self.language)}{stop}" for words in self.warnings)

    @property
    def k(self) -> int:
        """Number of items."""
        return len(self.names)

    @cached_property
    def correlation(self) -> Array:
        """(k, k) correlations: covariances over the standard deviations of all who answered each item."""
        sd = np.sqrt(np.diag(self.covariance))
        out = self.covariance / np.outer(sd, sd)
        np.fill_diagonal(out, 1.0)
        return np.asarray(out)

    @cached_property
    def smallest_eigenvalue(self) -> float:
        """Of the correlation matrix; not above 0 where the matrix is not positive definite."""
        return float(np.linalg.eigvalsh(self.correlation)[0])

    @property
    def positive_definite(self) -> bool:
        """False where some weighted sum of the items has no variance, or a negative one."""
        return self.smallest_eigenvalue > _FLAT * self.k

    @cached_property
    def warnings(self) -> tuple[Text, ...]:
        """What a reader of any result from this matrix must know."""
        return (*_matrix_warnings(self), *self.remarks)

    @property
    def words(self) -> dict[str, Text]:
        """What ids of items and dimensions are called."""
        return {**dict(zip(self.names, self.labels, strict=True)), **self.dimension_labels}

    @cached_property
    def dimension_ids(self) -> tuple[str, ...]:
        """The dimensions that have items, in order."""
        return tuple(name for name in dict.fromkeys(self.dimensions) if name)

    def of_dimension(self, dimension: str) -> ItemMatrix:
        """The part of one dimension's items."""
        members = [name for name, own in zip(self.names, self.dimensions, strict=True) if own == dimension]
        if not members:
            raise SpecError(f"no item belongs to dimension {dimension!r}. Dimensions: {', '.join(self.dimension_ids)}.")
        return self.subset(members)

    def subset(self, names: Sequence[str]) -> ItemMatrix:
        """The part of some items, in the order given; n stays the base the matrix was made from."""
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise SpecError(f"no item {', '.join(map(repr, unknown))} here. Items: {', '.join(self.names)}.")
        at = [self.names.index(name) for name in names]
        square = np.ix_(at, at)
        return replace(
            self,
            names=tuple(names),
            labels=tuple(self.labels[j] for j in at),
            dimensions=tuple(self.dimensions[j] for j in at),
            mean=self.mean[at],
            covariance=self.covariance[square],
            n=self.n if self.missing == "listwise" else int(self.n_pairs[square].min()),
            n_pairs=self.n_pairs[square],
            thresholds=None if self.thresholds is None else tuple(self.thresholds[j] for j in at),
            categories=None if self.categories is None else tuple(self.categories[j] for j in at),
            se=None if self.se is None else self.se[square],
        )

    def smoothed(self) -> ItemMatrix:
        """The nearest-looking positive definite correlations, for methods that cannot do without; the remarks say so.

        Eigenvalues below 1e-8 of their mean are raised to it, and the diagonal is scaled to what it was (``cor.smooth`` of R's
        ``psych`` does the same with another floor). A positive definite matrix is handed back as it is.

        >>> torn = ItemMatrix.from_matrix([[1, 0.9, 0.2], [0.9, 1, 0.9], [0.2, 0.9, 1]], 100, ["a", "b", "c"])
        >>> torn.positive_definite, torn.smoothed().positive_definite
        (False, True)
        """
        if self.positive_definite:
            return self
        value, vector = np.linalg.eigh(self.correlation)
        made = (vector * np.maximum(value, _FLOOR)) @ vector.T
        unit = np.sqrt(np.diag(self.covariance) / np.diag(made))
        covariance = made * np.outer(unit, unit)
        changed = float(
            np.abs(covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance))) - self.correlation).max()
        )
        said: Text = {
            "en": f"the correlations were not positive definite and were smoothed on request, changing by up to {changed:.3f}",
            "zh": f"相关矩阵原非正定，已按要求平滑，相关最多改变 {changed:.3f}",
        }
        return replace(self, covariance=(covariance + covariance.T) / 2, se=None, remarks=(*self.remarks, said))

    def in_language(self, language: Language) -> ItemMatrix:
        """The same matrix; results built on it show themselves in this language."""
        return replace(self, language=language)

    def sentence(self, language: str | None = None) -> str:
        """Kind, form, base and missing rule in one sentence."""
        language = language or self.language
        kind, of, rule = (say(words, language) for words in (
            _KIND_WORDS[self.kind], OF_WORDS[self.of], _MISSING_WORDS[self.missing]))  # fmt: skip
        if self.given:
            zh = f"{spaced(f'{of}的{kind}')}；直接给定的矩阵，样本量 {self.n:,}。"
            return (
                zh
                if language == "zh"
                else f"{kind[0].upper()}{kind[1:]} of {of}; a matrix given as such, n = {self.n:,}."
            )
        why = say(self.because, language) if self.because else ""
        if language == "zh":
            weighted = "，加权" if self.weighted else ""
            base = f"样本量 {self.n:,}" if self.missing == "listwise" else f"每对样本量不少于 {self.n:,}"
            because = f"（{why}）" if why else ""
            return f"{spaced(f'{of}的{kind}')}{because}；{rule}，{base}，未使用 {self.n_dropped:,} 人{weighted}。"
        weighted = ", weighted" if self.weighted else ""
        base = f"n = {self.n:,}" if self.missing == "listwise" else f"at least {self.n:,} a pair"
        because = f" ({why})" if why else ""
        head = f"{kind[0].upper()}{kind[1:]} of {of}{because}; {rule}"
        return f"{head}, {base}, {self.n_dropped:,} not used{weighted}."

    def table(self) -> Correlations:
        """The correlations as a table."""
        frame = pd.DataFrame(self.correlation, columns=list(self.names))
        frame.insert(0, "item", list(self.names))
        frame.insert(1, "dimension", list(self.dimensions))
        return Correlations(frame, self.language, matrix=self)


def check_answers(given: Any, verb: str) -> None:
    """Refuse what is neither answers nor a matrix of items, such as a path or a frame."""
    if isinstance(given, (Responses, ItemMatrix)):
        return
    what = repr(given) if isinstance(given, str) else f"a {type(given).__name__}"
    raise SpecError(
        f"{verb} takes answers that were checked against their instrument, not {what}. Read a file or a DataFrame first: "
        "read_responses(it, load_instrument(...)); a printed matrix: ItemMatrix.from_matrix(it, n)."
    )


def _numbers_of(matrix: Any) -> Array:
    """The entries of a matrix as numbers; a path and columns of words are refused."""
    if isinstance(matrix, (str, PurePath)):
        raise SpecError(
            f"'{matrix}' is a path and not yet a matrix. Read it first: ItemMatrix.from_matrix(pd.read_csv('{matrix}', index_col=0), n)."
        )
    try:
        return np.array(matrix, dtype=float)
    except (TypeError, ValueError) as error:
        raise SpecError(_no_numbers(matrix)) from error


def _no_numbers(matrix: Any) -> str:
    """Which columns of a frame hold words, and what to do."""
    if not isinstance(matrix, pd.DataFrame):
        return f"a {type(matrix).__name__} that holds other things than numbers is no matrix. Give k rows of k numbers."
    wrong = [
        name
        for name in matrix.columns
        if pd.to_numeric(matrix[name], errors="coerce").notna().sum() < matrix[name].notna().sum()
    ]
    if wrong == [matrix.columns[0]] and len(matrix.columns) == len(matrix) + 1:
        return f"the first column, {str(wrong[0])!r}, holds words and not numbers, as names of the rows do: read the file with index_col=0."
    named = ", ".join(repr(str(name)) for name in wrong[:_MOST_NAMED])
    return f"column{'s' * (len(wrong) > 1)} {named} of the matrix hold{'s' * (len(wrong) == 1)} words. Give numbers in every cell."


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise SpecError(f"items {', '.join(map(repr, twice))} are named twice. Give each its own name.")


def _check_matrix(matrix: Array, names: Sequence[str]) -> None:
    """Refuse what is no covariance matrix, with the items at fault."""
    variance = np.diag(matrix)
    cases = [(names[i], names[j], "no value")
             for i, j in zip(*np.nonzero(~np.isfinite(matrix)), strict=True) if i <= j]  # fmt: skip
    cases += [(name, name, "no variance") for name, value in zip(names, variance, strict=True) if value <= 0]
    size = np.nanmax(np.abs(matrix)) if np.isfinite(matrix).any() else 1.0
    with np.errstate(invalid="ignore"):
        uneven = np.abs(matrix - matrix.T) > _ASYMMETRY * size
    cases += [(names[i], names[j], "not symmetric") for i, j in zip(*np.nonzero(uneven), strict=True) if i < j]
    if not cases:
        return
    frame = pd.DataFrame(cases, columns=["row", "column", "problem"])
    raise DataError(
        f"not a covariance matrix of {len(names)} items: {told(frame)}. An item whose answers are all the same, and a pair that "
        "nobody answered together, have no correlation: leave them out (items=...), or correct the entries.",
        frame,
    )


def _matrix_warnings(matrix: ItemMatrix) -> list[Text]:
    """What the matrix itself makes it necessary to say."""
    said: list[Text] = []
    if matrix.n <= matrix.k:
        said.append({
            "en": f"{matrix.n:,} respondents for {matrix.k} items: there must be more respondents than items, or some combination "
            "of items has no variance",
            "zh": f"{matrix.k} 个题项仅有 {matrix.n:,} 名受访者：受访者须多于题项，否则某些题项组合没有方差",
        })  # fmt: skip
    if not matrix.positive_definite:
        smallest = f"{matrix.smallest_eigenvalue:.3g}".replace("-", "−")
        said.append({
            "en": f"the correlation matrix is not positive definite (smallest eigenvalue {smallest}): items repeat each "
            "other, respondents are too few, or pairs were computed over different people",
            "zh": f"相关矩阵非正定（最小特征值 {smallest}）：题项彼此重复、受访者过少，或各对相关来自不同的人",
        })  # fmt: skip
    return said


@dataclass(frozen=True, eq=False, repr=False)
class Correlations(Result):
    """Correlations of items: one row an item, one column an item, with the base and the kind in the note.

    Frame columns: ``item, dimension``, then one column for each item, named by its id.
    """

    matrix: ItemMatrix | None = None

    def title(self) -> str:
        matrix = self._matrix
        kind, of = (say(words, self.language) for words in (_KIND_WORDS[matrix.kind], OF_WORDS[matrix.of]))
        return f"题项相关：{of}（{kind}）" if self.language == "zh" else f"Correlations of items: {of} ({kind})"

    def columns(self) -> tuple[Column, ...]:
        matrix = self._matrix
        words = dict(zip(matrix.names, matrix.labels, strict=True))
        own = tuple(Column(name, {"en": name, "zh": name}, "number") for name in matrix.names)
        return (
            Column("item", {"en": "item", "zh": "题项"}, "text", words),
            Column("dimension", {"en": "dimension", "zh": "维度"}, "text", matrix.dimension_labels),
            *own,
        )

    def note(self) -> str:
        matrix, zh = self._matrix, self.language == "zh"
        said = [say(words, self.language) for words in matrix.warnings]
        extra = "".join(f"{each}。" if zh else f" {each[0].upper()}{each[1:]}." for each in said)
        return matrix.sentence(self.language) + extra

    def plot(self, ax: Axes | None = None) -> Axes:
        """Every correlation as a coloured cell, items ordered by dimension."""
        from servqual.plots.correlations import draw_correlations

        return draw_correlations(self, ax)

    def in_language(self, language: Language) -> Correlations:
        return replace(self, language=language, matrix=self._matrix.in_language(language))

    @property
    def _matrix(self) -> ItemMatrix:
        if self.matrix is None:
            raise SpecError("Correlations are made by ItemMatrix.table().")
        return self.matrix


# --- from answers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Asked:
    """Which answers of which file a matrix is about.

    Attributes
    ----------
    side : the file
    items : the items, in the instrument's order or the order asked for
    columns : (p,) the file's columns: k of one form, or 2 k for gaps, perceptions first
    """

    side: Responses
    items: tuple[Item, ...]
    columns: tuple[str, ...]
    of: Of
    missing: MissingRule
    by: tuple[str, ...]

    @classmethod
    def of_responses(
        cls, responses: Responses, of: Of, missing: MissingRule, items: Sequence[str] | None, by: str | Sequence[str]
    ) -> _Asked:
        by = (by,) if isinstance(by, str) else tuple(by)
        check_choice("of", of, Of)
        check_choice("missing", missing, MissingRule)
        side = side_of(responses, of)
        chosen = tuple(side.instrument.item(name) for name in items) if items is not None else side.instrument.items
        _check_names([item.id for item in chosen])
        forms = ("perception", "expectation") if of == "gap" else (of,)
        columns = tuple(side.instrument.column(form, item.id) for form in forms for item in chosen)
        check_columns(by, side.columns, side.source.name)
        return cls(side, chosen, columns, of, missing, by)

    def score_map(self) -> ScoreMap:
        """Every item as a score; with ``listwise`` they exist together or not at all."""
        k, names = len(self.items), tuple(item.id for item in self.items)
        scale = self.side.instrument.scale
        weights = np.eye(k, dtype=np.int64)
        if self.of == "gap":
            weights = np.concatenate([weights, -weights])
        masks = names if self.missing == "pairwise" else ("all",) * k
        middle = float(int(scale.midpoint))
        return ScoreMap(self.columns, names, weights, np.ones(k), masks, np.full(len(self.columns), middle))

    def rows(self) -> Iterator[tuple[Array, Cells, Array | None]]:
        """(n, p) answers of the rows, their cells and weights, part by part."""
        design = self.side.design
        for frame in self.side.frames(self.by):
            yield answer_matrix(frame, self.columns), Cells.of(frame, design, self.by), row_weights(frame, design)

    def values(self, answers: Array) -> Array:
        """(n, k) the answers, or the differences of both forms; nan where missing, and in rows with gaps if ``listwise``."""
        k = len(self.items)
        if self.of == "gap":
            whole = answers.astype(np.float64)
            answers = whole[:, :k] - whole[:, k:]
        if self.missing == "pairwise" or answers.dtype.kind != "f":
            return answers
        lacking: Array = np.asarray(np.isnan(answers).any(axis=1))
        return np.where(lacking[:, None], np.nan, answers) if lacking.any() else answers

    def pair_counts(self, values: Array, weight: Array | None) -> PairCounts:
        """How often every two answers were given together."""
        low, high = self.scale()
        return PairCounts.of(values, [item.id for item in self.items], int(low), int(high - low) + 1, weight)

    def scale(self) -> tuple[float, float]:
        """Lowest and highest value possible."""
        low, high = self.side.instrument.scale.low, self.side.instrument.scale.high
        return (float(low - high), float(high - low)) if self.of == "gap" else (float(low), float(high))


def side_of(responses: Responses, of: Of) -> Responses:
    """The file that holds a form; a gap needs both forms of the same people."""
    if of == "gap":
        if responses.pairing != "paired":
            raise SpecError(
                f"of='gap' needs expectations and perceptions of the same people; here: {responses.pairing}. "
                "Take of='perception' or of='expectation'."
            )
        return responses
    for side in responses.sides:
        if of in side.forms:
            return side
    asked = ", ".join(form for side in responses.sides for form in side.forms)
    raise SpecError(f"of={of!r}: {responses.source.name} holds no such answers; it holds: {asked}.")


@dataclass(frozen=True)
class KindRule:
    """When ordered answers are taken as such (polychoric) and when as numbers (Pearson): one rule for a whole analysis.

    Polychoric where items use at most ``categories`` answers (the median over items), or where at least half of the items
    have an absolute skewness over ``skew``; else Pearson. Gaps are numbers always.

    References
    ----------
    Rhemtulla, Brosseau-Liard and Savalei (2012), Psychological Methods 17, 354-373, doi:10.1037/a0029315: from five
    categories on, robust maximum likelihood does about as well, unless thresholds are very uneven. Curran, West and
    Finch (1996), Psychological Methods 1, 16-29, doi:10.1037/1082-989X.1.1.16, for a skewness of 2.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> kind, because = KindRule().choose(PairCounts.of(rng.integers(1, 8, (300, 3)), ["a", "b", "c"], 1, 7))
    >>> kind, because["en"]
    ('pearson', 'items use 7 answers at the median, more than 5; 0 of 3 items have a skewness beyond ±2, less than half')
    """

    categories: int = 5
    skew: float = 2.0

    def choose(self, counts: PairCounts) -> tuple[Kind, Text]:
        """The kind for these answers, and why."""
        margins = counts.margins()
        used = float(np.median((margins > 0).sum(axis=1)))
        skewed, k = int((np.abs(_skewness(margins)) > self.skew).sum()), len(margins)
        few, uneven = used <= self.categories, 2 * skewed >= k
        return ("polychoric" if few or uneven else "pearson"), {
            "en": f"items use {used:g} answers at the median, {'not ' if few else ''}more than {self.categories}; {skewed} of {k} "
            f"items have a skewness beyond ±{self.skew:g}, {'at least' if uneven else 'less than'} half",
            "zh": f"各题项实际使用的选项数中位数为 {used:g}，{'不超过' if few else '多于'} {self.categories}；{k} 个题项中有 {skewed} 个偏度超出 "
            f"±{self.skew:g}，{'达到' if uneven else '不足'}半数",
        }


def _skewness(margins: Array) -> Array:
    """(k,) skewness of distributions over 0, 1, ...; 0 where nothing varies."""
    at = np.arange(margins.shape[1])
    share = margins / np.maximum(margins.sum(axis=1, keepdims=True), _FLAT)
    away = at - (share @ at)[:, None]
    variance = (share * away**2).sum(axis=1)
    return np.asarray((share * away**3).sum(axis=1) / np.maximum(variance, _FLAT) ** 1.5)


class _Pass:
    """One pass over the rows: blocks for the moments, and per group the counts of pairs and of unused rows."""

    def __init__(self, asked: _Asked, pairs: bool) -> None:
        self.asked, self.pairs = asked, pairs
        self.unused: dict[tuple[Any, ...], int] = {}
        self.counts: dict[tuple[Any, ...], PairCounts] = {}

    def moments(self) -> Moments:
        return Moments.from_blocks(self._blocks(), self.asked.score_map())

    def _blocks(self) -> Iterator[Block]:
        every = np.ones(len(self.asked.columns), dtype=bool)
        for answers, cells, weight in self.asked.rows():
            self._count(self.asked.values(answers), cells, weight)
            yield Block(answers, every, cells, weight)

    def _count(self, values: Array, cells: Cells, weight: Array | None) -> None:
        domains = list(cells.table["domain"])
        for label in dict.fromkeys(domains):
            mine = np.array([domain == label for domain in domains])[cells.code]
            part = values if mine.all() else values[mine]
            given = (part == part).sum(axis=1)
            enough = part.shape[1] if self.asked.missing == "listwise" else 2
            self.unused[label] = self.unused.get(label, 0) + int((given < enough).sum())
            if self.pairs:
                own = None if weight is None else weight[mine]
                found = self.asked.pair_counts(part, own)
                self.counts[label] = self.counts[label] + found if label in self.counts else found


def item_moments(
    responses: Responses,
    *,
    of: Of = "perception",
    missing: MissingRule = "listwise",
    items: Sequence[str] | None = None,
    by: str | Sequence[str] = (),
) -> Moments:
    """Sums and products of the items per sampling cell, from one pass; scores bear the items' ids.

    For errors under the sample design. :func:`item_matrix` reads the same sums.
    """
    return _Pass(_Asked.of_responses(responses, of, missing, items, by), pairs=False).moments()


def item_counts(
    responses: Responses,
    *,
    of: Of = "perception",
    missing: MissingRule = "listwise",
    items: Sequence[str] | None = None,
    by: str | Sequence[str] = (),
) -> dict[tuple[Any, ...], PairCounts]:
    """How often every two answers were given together, for each group (one key, ``()``, without ``by``)."""
    once = _Pass(_Asked.of_responses(responses, of, missing, items, by), pairs=True)
    once.moments()
    return once.counts


def item_matrix(
    responses: Responses | ItemMatrix,
    *,
    of: Of = "perception",
    missing: MissingRule = "listwise",
    kind: AskedKind = "pearson",
    items: Sequence[str] | None = None,
    rule: KindRule | None = None,
    correct: float = 0.0,
) -> ItemMatrix:
    """Covariances, or polychoric correlations, of the items of one form.

    Parameters
    ----------
    responses : Responses; an ItemMatrix is handed back as it is (its items chosen), so that verbs take either
    of : whose items: "perception", "expectation", or "gap" (perception minus expectation of the same respondent)
    missing : "listwise" uses respondents who answered all of the items; "pairwise" each pair over those who answered both
    kind : "pearson", "polychoric", or "auto", which goes by ``rule`` and says so
    items : ids of some items, in their order; all if not given
    rule : KindRule, for "auto"
    correct : what polychorics add to empty cells (0: nothing)

    Returns
    -------
    ItemMatrix
        ``matrix.table()`` shows it. Covariances have the divisor n - 1.

    Notes
    -----
    A Pearson correlation takes the numbers of the scale as they are. A polychoric one asks which correlation of two
    normal variables, cut into these answers, fits the table of the two items best; with few answers, or when most
    people tick the same end, it is the larger of the two. Respondents count by their weights. Clusters change neither,
    only their errors: the warning says so.

    References
    ----------
    Olsson (1979), Psychometrika 44, 443-460, doi:10.1007/BF02296207. Polychorics agree with R's ``psych`` 2.2.9
    (``correct = 0``) and ``lavaan`` 0.6-14 to 2e-5 (tests/test_correlations.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({name: rng.integers(1, 8, 60) for name in instrument.columns("perception").values()})
    >>> matrix = item_matrix(Responses(data, instrument)).of_dimension("tangibles")
    >>> matrix.names, matrix.n, bool(np.allclose(matrix.covariance, data.iloc[:, :4].cov()))
    (('TAN1', 'TAN2', 'TAN3', 'TAN4'), 60, True)
    """
    if isinstance(responses, ItemMatrix):
        if kind == "polychoric" and responses.kind != kind:
            raise SpecError(
                "kind='polychoric' needs answers: a matrix of Pearson correlations does not tell how they were given."
            )
        return responses if items is None else responses.subset(items)
    found = item_matrices(responses, of=of, missing=missing, kind=kind, items=items, rule=rule, correct=correct)
    return found[()]


def item_matrices(
    responses: Responses,
    *,
    by: str | Sequence[str] = (),
    of: Of = "perception",
    missing: MissingRule = "listwise",
    kind: AskedKind = "pearson",
    items: Sequence[str] | None = None,
    rule: KindRule | None = None,
    correct: float = 0.0,
) -> dict[tuple[Any, ...], ItemMatrix]:
    """One :class:`ItemMatrix` for each group, all of one kind, keyed by the group's labels as a tuple.

    "auto" chooses for all groups together. Options as in :func:`item_matrix`.
    """
    check_choice("kind", kind, AskedKind)
    if not 0 <= correct < 1:
        raise SpecError(f"correct={correct!r}: what is added to empty cells lies between 0 and 1; take 0 or 0.5.")
    asked = _Asked.of_responses(responses, of, missing, items, by)
    if kind == "polychoric" and of == "gap":
        raise SpecError(
            "of='gap', kind='polychoric': a difference of two answers is not one variable cut into categories. Take "
            "kind='pearson', or of='perception'."
        )
    once = _Pass(asked, pairs=kind != "pearson" and of != "gap")
    moments = once.moments()
    chosen, because = _chosen(kind, once, rule or KindRule())
    labels = list(dict.fromkeys(moments.domains))
    return {label: _matrix(asked, moments, once, label, chosen, because, correct) for label in labels}


def _chosen(kind: AskedKind, once: _Pass, rule: KindRule) -> tuple[Kind, Text]:
    if kind != "auto":
        return kind, {}
    if not once.pairs:
        return "pearson", {"en": "differences of answers are numbers", "zh": "差值按数值处理"}
    return rule.choose(reduce(PairCounts.__add__, once.counts.values()))


def _matrix(
    asked: _Asked, moments: Moments, once: _Pass, label: tuple[Any, ...], kind: Kind, because: Text, correct: float
) -> ItemMatrix:
    """The matrix of one group."""
    inside, mask = moments.in_domain(label), 1 + moments.map.mask_of_score
    pairs = moments.total(inside, 0)[np.ix_(mask, mask)].round().astype(np.int64)
    _check_base(asked, pairs, label)
    side, k = asked.side, len(asked.items)
    common = {
        "names": tuple(item.id for item in asked.items),
        "labels": tuple(item.label for item in asked.items),
        "dimensions": tuple(item.dimension for item in asked.items),
        "of": asked.of,
        "n": int(pairs.min()),
        "n_pairs": pairs,
        "n_dropped": once.unused[label],
        "missing": asked.missing,
        "weighted": moments.weighted,
        "scale": asked.scale(),
        "language": side.language,
        "because": because,
        "dimension_labels": {dimension.id: dimension.label for dimension in side.instrument.dimensions},
    }
    remarks = _design_remarks(side)
    mean, covariance = moments.means(label), moments.covariance(label)
    _check_variation(asked, covariance, common["n"], label)
    if kind == "pearson":
        return ItemMatrix(mean=mean, covariance=covariance, remarks=remarks, **common)
    fit = fit_polychorics(once.counts[label], correct=correct)
    return ItemMatrix(
        mean=np.zeros(k),
        covariance=fit.correlation,
        kind="polychoric",
        thresholds=fit.thresholds,
        categories=fit.categories,
        se=fit.se,
        remarks=(*_polychoric_remarks(fit, common["names"], correct), *remarks),
        **common,
    )


def _check_variation(asked: _Asked, covariance: Array, n: int, label: tuple[Any, ...]) -> None:
    """Refuse items to which a group gave one answer alone, with the group and how many it is."""
    names = [item.id for item, own in zip(asked.items, np.diag(covariance), strict=True) if own <= 0]
    if not names:
        return
    cases = pd.DataFrame([(name, name, "no variance") for name in names], columns=["row", "column", "problem"])
    lone = asked.missing == "listwise"
    who = f"{_many(n)} who answered all items" if lone else "those who answered"
    raise DataError(
        f"{told(cases)}{_where(label)}: {who} gave the same answer, and what does not vary has no correlation. Leave items out "
        f"(items=...){', or take missing=' + repr('pairwise') if lone else ''}.", cases)  # fmt: skip


def _where(label: tuple[Any, ...]) -> str:
    return f" in {' '.join(map(str, label))}" if label else ""


def _many(n: int) -> str:
    return f"{n:,} respondent{'s' * (n != 1)}"


def _check_base(asked: _Asked, pairs: Array, label: tuple[Any, ...]) -> None:
    """Refuse a group without two respondents, or a pair of items without them."""
    if pairs.min() >= 2:
        return
    where, names = _where(label), [item.id for item in asked.items]
    if asked.missing == "listwise":
        raise DataError(
            f"{_many(int(pairs.min()))}{where} answered all {len(names)} items of the {asked.of} form; at least 2 are needed. "
            "Take missing='pairwise', or fewer items."
        )
    few = [(names[i], names[j], int(pairs[i, j]), "fewer than two answered both")
           for i, j in zip(*np.nonzero(np.triu(pairs < 2)), strict=True)]  # fmt: skip
    cases = pd.DataFrame(few, columns=["row", "column", "n", "problem"])
    raise DataError(f"pairs of items{where} have no correlation: {told(cases)}. Leave items out (items=...).", cases)


def _design_remarks(side: Responses) -> tuple[Text, ...]:
    if not side.design.stages:
        return ()
    column = side.column_of(side.design.stages[0])
    return ({"en": f"respondents come in clusters ({column.heading('en')}): errors and tests that take them as independent are too "
             "optimistic",
             "zh": f"受访者来自各群（{column.heading('zh')}）：把他们当作独立个体的误差和检验偏于乐观"},)  # fmt: skip


def _polychoric_remarks(fit: PolychoricFit, names: Sequence[str], correct: float) -> tuple[Text, ...]:
    """What tables of pairs make it necessary to say."""
    said: list[Text] = []
    empty = np.triu(fit.empty, 1)
    number, pairs = int((empty > 0).sum()), len(names) * (len(names) - 1) // 2
    if number:
        added = (
            (f"{correct:g} was added to each", f"每格已加 {correct:g}")
            if correct
            else ("nothing was added", "未作校正")
        )
        said.append({"en": f"{number} of {pairs} tables of two items have empty cells, up to {empty.max()} ({added[0]}): there the "
                     "correlation leans on the assumption of normal latent variables",
                     "zh": f"{pairs} 张两题交叉表中有 {number} 张含空格，最多 {empty.max()} 格（{added[1]}）：其相关更依赖潜变量正态假设"})  # fmt: skip
    bound = [f"{names[i]}-{names[j]}" for i, j in zip(*np.nonzero(np.triu(fit.at_bound, 1)), strict=True)]
    if bound:
        more = "…" if len(bound) > _MOST_NAMED else ""
        said.append({"en": f"no correlation short of ±{BOUND} fits these pairs best, and it has no error: "
                     f"{', '.join(bound[:_MOST_NAMED])}{more}; one item repeats the other, or the table has too few cells filled",
                     "zh": f"以下各对的最优相关达到上限 ±{BOUND}，无标准误：{'、'.join(bound[:_MOST_NAMED])}{more}；两题重复，或交叉表非空格过少"})  # fmt: skip
    return tuple(said)


# --- how all thresholds and correlations vary together -----------------------------------------------------


@dataclass(frozen=True, eq=False)
class PolychoricGamma:
    """n times the sampling covariance of all thresholds and polychoric correlations: what weighted least squares needs.

    Attributes
    ----------
    values : (m, m); thresholds item by item, then correlations of pairs (1, 2), (1, 3), ..., (2, 3), ...
    thresholds : how many of the m are thresholds
    names : (m,) what each is: ("REL1", 2) is the second threshold of REL1, ("REL1", "REL2") a correlation
    n : the base; ``values / n`` is the covariance
    clusters : first-stage units that were counted, or None where respondents count as independent
    fit : thresholds and correlations themselves
    """

    values: Array
    thresholds: int
    names: tuple[tuple[str, int | str], ...]
    n: int
    clusters: int | None
    fit: PolychoricFit


def polychoric_gamma(
    responses: Responses,
    matrix: ItemMatrix,
    *,
    by: str | Sequence[str] = (),
    label: tuple[Any, ...] = (),
    clustered: bool = False,
    correct: float = 0.0,
) -> PolychoricGamma:
    """How thresholds and polychoric correlations vary together, from one further pass over the rows.

    Parameters
    ----------
    responses : the answers that ``matrix`` was made from
    matrix : ItemMatrix of kind "polychoric", or a subset of one: its items, form and missing rule are taken
    by, label : the group, where the matrix is one of :func:`item_matrices`
    clustered : count first-stage units of the design instead of respondents. Strata and finite populations are not
        used
    correct : as the matrix was made with

    Notes
    -----
    Every estimate has an influence function that depends on one or two answers, so it is looked up, not computed, for each
    row; ``Gamma = n sum of w^2 IF IF' / (sum w)^2``. Pairs are counted first, in a pass of their own.

    References
    ----------
    Muthén (1984), Psychometrika 49, 115-132, doi:10.1007/BF02294210; with empirical products of scores, as R's ``lavaan``, whose
    WLSMV loadings and scaled chi2 follow from it. Agrees with the spread over simulated samples
    (tests/test_correlations.py).

    Examples
    --------
    >>> from servqual import load_instrument
    >>> instrument = load_instrument("servperf-22")
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({name: rng.integers(1, 4, 200) for name in instrument.columns("perception").values()})
    >>> responses = Responses(data, instrument)
    >>> gamma = polychoric_gamma(responses, item_matrix(responses, kind="polychoric", items=["REL1", "REL2"]))
    >>> gamma.names
    (('REL1', 1), ('REL1', 2), ('REL2', 1), ('REL2', 2), ('REL1', 'REL2'))
    """
    if matrix.kind != "polychoric":
        raise SpecError(
            "polychoric_gamma needs a matrix of polychoric correlations: item_matrix(..., kind='polychoric')."
        )
    asked = _Asked.of_responses(responses, matrix.of, matrix.missing, matrix.names, by)
    once = _Pass(asked, pairs=True)
    once.moments()
    if label not in once.counts:
        raise SpecError(f"label={label!r}: no such group. Groups: {', '.join(map(str, once.counts))}.")
    counts = once.counts[label]
    if not np.array_equal(counts.n_pairs, matrix.n_pairs):
        raise SpecError(
            "these answers have other complete respondents than the matrix: it is of other answers, of another group, or part of a "
            "larger one. Make it again for its items: item_matrix(responses, kind='polychoric', items=matrix.names)."
        )
    fit = fit_polychorics(counts, correct=correct)
    bound = [(counts.names[i], counts.names[j], "at the bound")
             for i, j in zip(*np.nonzero(np.triu(fit.at_bound, 1)), strict=True)]  # fmt: skip
    if bound:
        cases = pd.DataFrame(bound, columns=["row", "column", "problem"])
        raise DataError(
            f"correlations without an error: {told(cases)}. Leave out one item of each pair (items=...).", cases
        )
    return _gamma(asked, counts, fit, label, clustered)


def _gamma(
    asked: _Asked, counts: PairCounts, fit: PolychoricFit, label: tuple[Any, ...], clustered: bool
) -> PolychoricGamma:
    """Products of influences, summed over respondents or over clusters' totals."""
    cuts = [(name, t + 1) for name, own in zip(counts.names, fit.thresholds, strict=True) for t in range(len(own))]
    i, j = np.triu_indices(len(counts.names), 1)
    pairs = [(counts.names[first], counts.names[second]) for first, second in zip(i, j, strict=True)]
    m, totals = len(cuts) + len(pairs), dict[str, Array]()
    gram = np.zeros((m, m))
    with one_blas_thread():
        for influence, units in _influences(asked, InfluenceRows.of(fit, counts), label, clustered):
            if clustered:
                _add_by_unit(totals, influence, units)
            else:
                gram += influence @ influence.T
        gram = _gram_of_units(np.array(list(totals.values()))) if clustered else gram
    n = int(fit.n_pairs.min())
    return PolychoricGamma(n * gram, len(cuts), (*cuts, *pairs), n, len(totals) if clustered else None, fit)


def _influences(
    asked: _Asked, rows: InfluenceRows, label: tuple[Any, ...], clustered: bool
) -> Iterator[tuple[Array, Sequence[str]]]:
    """(m, r) influences of some respondents of a group, and the first-stage unit of each where that is asked for."""
    for answers, cells, weight in asked.rows():
        mine = np.array([domain == label for domain in cells.table["domain"]])[cells.code]
        values, code = asked.values(answers)[mine], cells.code[mine]
        own = None if weight is None else weight[mine]
        units = [f"{row.stratum} {row.cluster}" for row in cells.table.itertuples()]
        for start in range(0, len(values), _FEW_ROWS):
            part = slice(start, start + _FEW_ROWS)
            influence = rows.of_answers(values[part], None if own is None else own[part])
            yield influence, [units[place] for place in code[part]] if clustered else ()


def _add_by_unit(totals: dict[str, Array], influence: Array, units: Sequence[str]) -> None:
    codes, distinct = pd.factorize(pd.Series(units, dtype=object))
    sums = np.zeros((len(distinct), len(influence)))
    np.add.at(sums, codes, influence.T)
    for unit, total in zip(distinct, sums, strict=True):
        totals[unit] = totals[unit] + total if unit in totals else total


def _gram_of_units(totals: Array) -> Array:
    if len(totals) < 2:
        raise SpecError(
            "clustered=True: there is one cluster only, which shows no spread between clusters. Take respondents."
        )
    return np.asarray(totals.T @ totals * len(totals) / (len(totals) - 1))
