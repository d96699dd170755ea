"""What do moderator and recruiter hold in hand? The discussion guide, the places to fill and the screening questions, in Word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from survey_design.errors import check_choice
from survey_design.focus_groups import DiscussionGuide, FocusGroupPlan, ParticipantMatrix, discussion_guide
from survey_design.forms.word import (
    PaperLanguage,
    add_heading,
    add_page_break,
    add_paragraph,
    add_space,
    add_table,
    new_document,
    page_width,
    save,
    wording,
)
from survey_design.results import Language, Result, Text

_WORDS: Mapping[str, Text] = {
    "title": {"en": "Focus groups: guide and places", "zh": "座谈会：讨论提纲与名额"},
    "plan": {"en": "Sessions", "zh": "场次安排"},
    "guide": {"en": "Discussion guide", "zh": "讨论提纲"},
    "minutes": {"en": "{minutes} minutes, from minute {start}", "zh": "{minutes} 分钟（自第 {start} 分钟起）"},
    "learn": {"en": "To learn: ", "zh": "了解："},
    "gap": {"en": "Gap to find: ", "zh": "要找的差距："},
    "codes": {"en": "Codes: ", "zh": "编码："},
    "notes": {"en": "Notes:", "zh": "记录："},
    "grid": {"en": "Grid for the dots: touchpoints and elements", "zh": "贴点表：接触点与要素"},
    "touchpoint": {"en": "touchpoint", "zh": "接触点"},
    "screening": {"en": "Screening questions", "zh": "甄别问题"},
    "question": {"en": "question", "zh": "问题"},
    "stops": {"en": "thanked and not invited if", "zh": "出现以下情况则致谢并终止"},
    "answer": {"en": "answer", "zh": "回答"},
    "recruit": {"en": "Recruitment quota", "zh": "招募配额"},
    "places": {"en": "Places", "zh": "名额表"},
    "taken": {"en": "taken", "zh": "已招募"},
    "session": {"en": "Session", "zh": "场次"},
    "date": {"en": "Date, from – to", "zh": "日期、起止时间"},
    "place": {"en": "Place", "zh": "地点"},
    "moderator": {"en": "Moderator", "zh": "主持人"},
    "minutes_by": {"en": "Notes taken by", "zh": "记录人"},
    "present": {"en": "People present", "zh": "到场人数"},
}  # fmt: skip


def write_guide(
    plan: FocusGroupPlan,
    path: str | Path,
    *,
    guide: DiscussionGuide | None = None,
    quotas: Mapping[str, Mapping[str, float]] | None = None,
    language: PaperLanguage | None = None,
) -> Path:
    """Write the papers of a plan of focus groups as one Word document.

    A header for date, place and moderator; the sessions; the guide with room for notes; the grid of touchpoints and
    elements on which participants put their dots; the screening questions; the recruitment quota; and a list of places
    with a box to tick. Names of participants have no place in it.

    Parameters
    ----------
    plan : from :func:`survey_design.focus_groups.plan_focus_groups`
    path : where to write, ending in .docx
    guide : from :func:`survey_design.focus_groups.discussion_guide`; the one of 120 minutes if not given
    quotas : quota -> level -> share, as in ``plan.participants(quotas)``
    language : "en", "zh" or "both"; the plan's if not given

    Returns
    -------
    Path

    Examples
    --------
    >>> import tempfile
    >>> from survey_design.focus_groups import plan_focus_groups
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_guide(plan_focus_groups(["Wuhan"]), Path(folder) / "guide.docx", language="both").name
    'guide.docx'
    """
    language = plan.language if language is None else language
    check_choice("language", language, PaperLanguage)
    guide = discussion_guide() if guide is None else guide
    document = new_document(wording(_WORDS["title"], language), language)
    _write_header(document, language)
    _section(document, "plan", language)
    add_paragraph(document, "\n".join(plan.in_language(each).sentence() for each in _languages(language)))
    _result_table(document, plan, language, [1.6, 2.8, 3.6, 1.5, 1.4, 1.9, 2.2, 2.4])
    add_page_break(document)
    _write_blocks(document, guide, language)
    _write_grid(document, guide, language)
    add_page_break(document)
    _write_screening(document, guide, language)
    matrix = plan.participants(quotas)
    _write_quota(document, matrix, language)
    add_page_break(document)
    _write_places(document, matrix, language)
    return save(document, path)


def _languages(language: PaperLanguage) -> tuple[Language, ...]:
    return get_args(Language) if language == "both" else (language,)


def _write_header(document: Any, language: PaperLanguage) -> None:
    """When, where and by whom, to be filled in by hand."""
    colon = "：" if language == "zh" else ":"
    cells = [wording(_WORDS[key], language, between=" ") + colon
             for key in ("session", "date", "place", "moderator", "minutes_by", "present")]  # fmt: skip
    add_table(document, [cells[:3], cells[3:]], [page_width() / 3] * 3, header=False, row_height=1.1)
    add_space(document)


def _section(document: Any, key: str, language: PaperLanguage) -> None:
    add_heading(document, wording(_WORDS[key], language, between=" "))


def _result_table(document: Any, result: Result, language: PaperLanguage, widths: Sequence[float]) -> None:
    """A result's table as it shows itself, both languages in a cell where they differ, and its note below."""
    tables = [result.in_language(each).shown() for each in _languages(language)]
    rows = [
        ["\n".join(dict.fromkeys(filter(None, cells))) for cells in zip(*lines, strict=True)]
        for lines in zip(*([list(table.columns), *table.to_numpy().tolist()] for table in tables), strict=True)
    ]
    add_table(document, rows, widths, size=8.5)
    _write_note(document, result, language)


def _write_note(document: Any, result: Result, language: PaperLanguage) -> None:
    add_paragraph(document, "\n".join(result.in_language(each).note() for each in _languages(language)), size=9)


def _said(matrix: ParticipantMatrix, name: str, value: str, language: PaperLanguage) -> str:
    """A coded value of a column in words."""
    column = next(column for column in matrix.columns() if column.name == name)
    return wording({each: column.show(value, each) for each in get_args(Language)}, language, between=" ")


def _write_quota(document: Any, matrix: ParticipantMatrix, language: PaperLanguage) -> None:
    """A line for each city and segment: how many of which kind to find."""
    _section(document, "recruit", language)
    labels = {column.name: wording(column.label, language) for column in matrix.columns()}
    rows = [[labels[name] for name in ("city", "segment", *matrix.variables)]]
    for (city, segment), part in matrix.quota().frame.groupby(["city", "segment"], sort=False):
        cells = [
            "\n".join(
                f"{_said(matrix, name, str(line['level']), language)}: {line['n']}"
                for line in part[part["variable"] == name].to_dict("records")
            )
            for name in matrix.variables
        ]
        rows.append([str(city), _said(matrix, "segment", str(segment), language), *cells])
    rest = (page_width() - 5.6) / max(1, len(matrix.variables))
    add_table(document, rows, [2.6, 3.0, *[rest] * len(matrix.variables)], size=8.5)
    _write_note(document, matrix.quota(), language)


def _write_places(document: Any, matrix: ParticipantMatrix, language: PaperLanguage) -> None:
    """A table for each session: its places, whom they are for, and a box to tick."""
    _section(document, "places", language)
    _write_note(document, matrix, language)
    labels = {column.name: wording(column.label, language) for column in matrix.columns()}
    names = ["role", *matrix.variables]
    rest = (page_width() - 6.6) / max(1, len(matrix.variables))
    widths = [2.4, 2.4, *[rest] * len(matrix.variables), 1.8]
    for session, part in matrix.frame.groupby("session", sort=False):
        first = part.iloc[0]
        place = f"{session} · {first['city']} · {_said(matrix, 'segment', str(first['segment']), language)}"
        add_heading(document, place, 2)
        rows = [[labels["place"], *(labels[name] for name in names), wording(_WORDS["taken"], language)]]
        rows += [[line["place"], *(_said(matrix, name, str(line[name]), language) for name in names), "☐"]
                 for line in part.to_dict("records")]  # fmt: skip
        add_table(document, rows, widths, size=8.5, keep_together=True)


def _write_blocks(document: Any, guide: DiscussionGuide, language: PaperLanguage) -> None:
    """Every block: what it is for, its questions, its codes, and room for notes."""
    _section(document, "guide", language)
    questions, codes = guide.questions(), guide.codes()
    for block in guide.frame.to_dict("records"):
        label = {each: str(block[f"label_{each}"]) for each in get_args(Language)}
        add_heading(document, wording(label, language, between=" "), 2)
        times = {each: _WORDS["minutes"][each].replace("{minutes}", str(block["minutes"])).replace(
            "{start}", str(block["start"])) for each in get_args(Language)}  # fmt: skip
        add_paragraph(document, wording(times, language), italic=True, size=9, keep_with_next=True)
        for part in ("learn", "gap"):
            said = {each: f"{_WORDS[part][each]}{block[f'{part}_{each}']}" for each in get_args(Language)}
            if block[f"{part}_en"]:
                add_paragraph(document, wording(said, language), keep_with_next=True)
        for question in questions[questions["block"] == block["block"]].to_dict("records"):
            asked = wording({"en": str(question["en"]), "zh": str(question["zh"])}, language)
            add_paragraph(document, f"{question['number']}. {asked}", bold=True, indent=0.5, keep_with_next=True)
        own = codes[codes["dimension"] == block["block"]].to_dict("records")
        if own:
            listed = {
                "en": "; ".join(str(code["en"]) for code in own),
                "zh": "、".join(str(code["zh"]) for code in own),
            }
            said = {each: f"{_WORDS['codes'][each]}{listed[each]}" for each in get_args(Language)}
            add_paragraph(document, wording(said, language), size=9, keep_with_next=True)
        add_table(document, [[wording(_WORDS["notes"], language, between=" ")]], [page_width()], header=False, size=8.5,
                  row_height=2.6)  # fmt: skip
        add_paragraph(document, "")


def _write_grid(document: Any, guide: DiscussionGuide, language: PaperLanguage) -> None:
    """Touchpoints by elements, empty, for the dots; a guide without them has no grid."""
    codes = guide.codes()
    points, elements = (codes[codes["dimension"] == name].to_dict("records")
                        for name in ("service_functions", "service_elements"))  # fmt: skip
    if not (points and elements):
        return

    def words(code: Mapping[Any, Any]) -> str:
        return wording({"en": str(code["en"]), "zh": str(code["zh"])}, language)

    add_page_break(document)
    _section(document, "grid", language)
    head = [wording(_WORDS["touchpoint"], language), *map(words, elements)]
    rows = [[words(point), *[""] * len(elements)] for point in points]
    first = 2.0  # so that "Convenience" fits into a column of its own
    widths = [first, *[(page_width() - first) / len(elements)] * len(elements)]
    add_table(document, [head, *rows], widths, size=7, row_height=1.6)


def _write_screening(document: Any, guide: DiscussionGuide, language: PaperLanguage) -> None:
    _section(document, "screening", language)
    head = ["", *(wording(_WORDS[key], language) for key in ("question", "stops", "answer"))]
    rows = [
        [
            str(k),
            wording({"en": str(row["en"]), "zh": str(row["zh"])}, language),
            wording({"en": str(row["stops_en"]), "zh": str(row["stops_zh"])}, language),
            "",
        ]
        for k, row in enumerate(guide.screening().to_dict("records"), start=1)
    ]
    add_table(document, [head, *rows], [0.9, 8.9, 5.0, 2.6], size=9)
