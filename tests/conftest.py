"""Where reference data lie, and what happens where they don't."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

SHARED = Path(__file__).parents[2] / "shared"


class Shared:
    """Real data and independent reference results kept beside the project, outside of it."""

    def frame(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.path("data", name))

    def oracle(self, name: str) -> dict[str, Any]:
        return json.loads(self.path("oracles", name).read_text(encoding="utf-8"))

    def path(self, *parts: str) -> Path:
        path = SHARED.joinpath(*parts)
        if not path.exists():
            if os.environ.get("SERVQUAL_REFERENCE") == "1":
                pytest.fail(f"reference file {'/'.join(parts)} is absent, and SERVQUAL_REFERENCE=1 forbids skipping")
            pytest.skip(f"reference file {'/'.join(parts)} is kept beside the project and is absent here")
        return path


@pytest.fixture(scope="session")
def shared() -> Shared:
    return Shared()
