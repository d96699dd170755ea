"""Lines of text on pictures: where they may break."""

from __future__ import annotations

import pytest

from survey_design.plots.fonts import fonts_for
from survey_design.plots.sheet import Pen, new_axes

TEXTS = (
    "模型拟合：CFI .997，RMSEA .013。样本量（n = 882）；“重复（见上文）”。平行分析得到 5 个主成分 X。",
    "按 tier 分组：flagship，core、hypermarket；共 5 组（n = 900）！",
    "Plain words, which have no marks of the other script.",
)


@pytest.mark.parametrize("text", TEXTS)
def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(text: str) -> None:
    """Also after Latin letters and figures, where such a mark once began a line."""
    fonts = fonts_for([text])
    if fonts is None:
        pytest.skip("no font for Chinese")
    pen = Pen(new_axes(), fonts)
    for limit in range(20, 300, 3):
        lines = pen.wrapped(text, limit).split("\n")
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert not [line for line in lines if line[0] in "，。；：、！？）》”" or line[-1] in "（《“"]


def test_lines_keep_to_their_width() -> None:
    pen = Pen(new_axes(), ("DejaVu Sans",))
    lines = pen.wrapped(TEXTS[2], 120).split("\n")
    assert len(lines) > 1
    assert all(pen.width(line) <= 120 for line in lines)
