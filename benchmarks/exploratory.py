"""``python -m benchmarks.exploratory``: factors and their number beside other packages, same data, in one run.

22 items of five dimensions, 2,000 respondents. factor_analyzer fits from the answers (it has no other way in for its
minres), ours from the correlations, so that both ways are timed: with and without the correlations of the answers. It
needs scikit-learn below 1.8. Its parallel analysis does not exist; ours is shown in seconds beside a plain loop that draws
the answers, as R's psych does. n = 1,000,000 shows that ours do not depend on it once sums are there.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from benchmarks.timing import in_turn, line, seconds
from servqual.correlations import ItemMatrix
from servqual.factor_count import factor_count
from servqual.factors import explore_factors, extract, rotate
from servqual.factors.chance import chance_eigenvalues
from servqual.factors.extraction import implied_by
from servqual.moments import one_blas_thread

ROWS, PAIRS, SEED = 2_000, 15, 7
FACTORS, ITEMS = 5, 22


def answers(rows: int, seed: int = SEED) -> np.ndarray:
    """(rows, 22) answers on seven points, five correlated dimensions of four or five items."""
    own = np.repeat(np.arange(FACTORS), (4, 5, 4, 4, 5))
    loadings = 0.75 * (own[:, None] == np.arange(FACTORS)[None, :])
    phi = np.full((FACTORS, FACTORS), 0.5) + 0.5 * np.eye(FACTORS)
    latent = np.random.default_rng(seed).multivariate_normal(np.zeros(ITEMS), implied_by(loadings, phi), rows)
    return np.clip(np.round(4.5 + 1.3 * latent), 1, 7)


def by_factor_analyzer(data: np.ndarray, rotation: str) -> Callable[[], object]:
    from factor_analyzer import FactorAnalyzer

    def work() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return FactorAnalyzer(n_factors=FACTORS, method="minres", rotation=rotation).fit(data)

    return work


def compare_solutions(data: np.ndarray, pairs: int) -> None:
    correlation = np.corrcoef(data.T)
    for rotation, target in (("promax", "below 0.25x"), ("oblimin", "none stated")):
        theirs = by_factor_analyzer(data, rotation)

        def whole(rotation: str = rotation) -> object:
            with one_blas_thread():
                own = np.corrcoef(data.T)
            return rotate(extract(own, FACTORS).loadings, rotation)

        def kernel(rotation: str = rotation) -> object:
            return rotate(extract(correlation, FACTORS).loadings, rotation)

        print(line(f"minres + {rotation}, from answers", *in_turn(whole, theirs, pairs), target))
        print(line(f"minres + {rotation}, from correlations", *in_turn(kernel, theirs, pairs), target))


def plain_loop(n: int, replicates: int) -> np.ndarray:
    """Random eigenvalues with every answer drawn."""
    rng = np.random.default_rng(1)
    return np.array([np.linalg.eigvalsh(np.corrcoef(rng.standard_normal((n, ITEMS)).T)) for _ in range(replicates)])


def compare_counts(data: np.ndarray, pairs: int) -> None:
    n = len(data)
    ours, theirs = in_turn(
        lambda: chance_eigenvalues(n, ITEMS, 1000, 1), lambda: plain_loop(n, 1000), max(3, pairs // 5)
    )
    print(
        line(
            "parallel analysis, 1,000 replicates, both kinds, against components alone in a loop",
            ours,
            theirs,
            "below 0.2x",
        )
    )


def alone(data: np.ndarray) -> None:
    for n in (len(data), 1_000_000):
        matrix = ItemMatrix.from_matrix(np.corrcoef(data.T), n)
        times = [
            min(seconds(work) for _ in range(3))
            for work in (lambda m=matrix: explore_factors(m, FACTORS), lambda m=matrix: factor_count(m))
        ]
        print(
            f"n = {n:,}: explore_factors (10 starts, fit, table) {1000 * times[0]:.0f} ms, factor_count {1000 * times[1]:.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    asked = parser.parse_args()
    data = answers(asked.rows)
    print(f"{asked.rows:,} respondents, {ITEMS} items, {FACTORS} factors; factor_analyzer {version('factor-analyzer')}, "
          f"scikit-learn {version('scikit-learn')}")  # fmt: skip
    compare_solutions(data, asked.pairs)
    compare_counts(data, asked.pairs)
    alone(data)


if __name__ == "__main__":
    main()
