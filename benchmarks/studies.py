"""The large studies that are timed: a million respondents in 300 stores of four tiers, answering 22 items twice."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from servqual import Instrument, SampleDesign, load_instrument

RESPONDENTS, STORES, TIERS = 1_000_000, 300, 4
DESIGN = SampleDesign(strata="tier", clusters="store", selection="probability")


@cache
def instrument() -> Instrument:
    """The instrument that was asked."""
    return load_instrument("servqual-22")


def columns(form: str) -> list[str]:
    """The columns of one form, in the order of its items."""
    return list(instrument().columns(form).values())


def answers(n: int, seed: int) -> pd.DataFrame:
    """Answers of n respondents: a store's, a person's and an item's part, rounded to 1..7."""
    generator = np.random.default_rng(seed)
    store = generator.integers(0, STORES, n).astype(np.int16)
    tier = (store % TIERS).astype(np.int8)
    level = {"expectation": 5.6, "perception": 5.0}
    person = generator.normal(0, 0.6, n).astype(np.float32)
    effect = generator.normal(0, 0.4, STORES).astype(np.float32)[store]
    frame = {"store": store, "tier": tier}
    for form, mean in level.items():
        for column in columns(form):
            noise = generator.standard_normal(n, dtype=np.float32)
            answer = mean - 0.1 * tier + person + (effect if form == "perception" else 0) + noise
            frame[column] = np.clip(np.rint(answer), 1, 7).astype(np.int8)
    return pd.DataFrame(frame)
