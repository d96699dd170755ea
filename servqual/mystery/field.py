"""What do inspectors fill in? A checklist as a form for tablet and paper, and back again without any mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from servqual.mystery.checklist import Checklist, ChecklistItem
from servqual.mystery.visit_words import EVIDENCE_COLUMNS, MODES, SCENARIOS
from survey_design.errors import SpecError
from survey_design.questionnaire import (
    Choice,
    Condition,
    Evidence,
    Question,
    Questionnaire,
    Section,
    Words,
)
from survey_design.results import Language, Text

if TYPE_CHECKING:
    from survey_design.forms.filled import Filled

NOT_APPLICABLE_WORDS: Text = {"en": "Not applicable", "zh": "不适用"}
INTRO: Text = {
    "en": "Fill this in outside the store, right after the visit. Write what you saw, not what you think of it; name no member of staff.",
    "zh": "请在离店后立即填写，不要在店内填写。只写看到的事实，不写评价，也不要写店员姓名。",
}


def shopper_form(
    checklist: Checklist,
    *,
    stores: Mapping[str, Words] | None = None,
    title: Words | None = None,
    company: Words = "",
) -> Questionnaire:
    """The form that asks a checklist: the visit first, then the items of each category in order, its evidence last.

    Parameters
    ----------
    checklist : every item becomes a question that also offers "not applicable"; items with a veto or a cap, and those that
        ask for evidence, collect a remark or a photo besides
    stores : code -> name, for a list to choose from; without it the store's code is written
    title, company : what stands on top; the checklist's title if not given

    Returns
    -------
    Questionnaire
        Columns ``visit, store, date, inspector, mode, scenario, time_in, time_out, devices, exposed``, then the ids of
        the items, each followed by its ``_note`` or ``_photo``, then what the visit's evidence asks for.

    Raises
    ------
    SpecError
        If the checklist declares no number below 0 as a code for "not applicable", or its texts can't go into a form.

    Examples
    --------
    >>> from servqual.mystery.checklist import load_checklist
    >>> form = shopper_form(load_checklist("home-installation"))
    >>> form.columns[:6], form.question("promise_card").codes
    (('visit', 'store', 'date', 'inspector', 'mode', 'scenario'), (1, 0, -8))
    """
    code = form_code(checklist)
    sections = [_visit_section(stores)]
    for category in checklist.categories:
        items = [item for each in checklist.indicators_of(category.id) for item in checklist.items_of(each.id)]
        sections.append(Section(category.id, category.label, tuple(_question(item, code) for item in items)))
    sections += _evidence_section(checklist)
    return Questionnaire(
        name=checklist.id,
        version=checklist.version,
        title=checklist.title if title is None else title,
        company=company,
        sections=tuple(sections),
        languages=checklist.languages,
        language=checklist.language if checklist.language in checklist.languages else checklist.languages[0],
        intro=INTRO,
    )


def form_code(checklist: Checklist) -> int:
    """The number that says "not applicable" on forms: below 0, so that it is never an answer.

    >>> from servqual.mystery.checklist import load_checklist
    >>> form_code(load_checklist("telecom-store"))
    -8
    """
    numbers = [int(code) for code in checklist.not_applicable if code.startswith("-") and code[1:].isdigit()]
    if not numbers:
        raise SpecError(
            f"checklist '{checklist.id}' declares no number below 0 as a code for 'not applicable', which forms need. "
            'Add one: not_applicable = ["NA", "-8"].'
        )
    return numbers[-1]


def _visit_section(stores: Mapping[str, Words] | None) -> Section:
    place: Words = {"en": "Store", "zh": "门店"}
    listed = tuple(Choice(code, name) for code, name in (stores or {}).items())
    code_hint: Text = {"en": "Its code.", "zh": "填写门店编号。"}
    clock: Text = {"en": "As on the clock: 14:05.", "zh": "按时钟填写，例如 14:05。"}
    return Section(
        "visit_details",
        {"en": "The visit", "zh": "访问信息"},
        (
            Question("visit", "text", {"en": "Visit number", "zh": "访问编号"}, required=True),
            Question("store", "single", place, choices=listed, required=True)
            if stores
            else Question("store", "text", place, required=True, hint=code_hint),
            Question("date", "date", {"en": "Date", "zh": "日期"}, required=True),
            Question(
                "inspector",
                "text",
                {"en": "Inspector", "zh": "检查员"},
                required=True,
                hint={"en": "Your code, not your name.", "zh": "填写检查员编号，不写姓名。"},
            ),
            _single("mode", {"en": "Kind of visit", "zh": "访问方式"}, MODES),
            _single("scenario", {"en": "Scenario", "zh": "访问情景"}, SCENARIOS),
            Question("time_in", "text", {"en": "Time of entering", "zh": "进店时间"}, required=True, hint=clock),
            Question("time_out", "text", {"en": "Time of leaving", "zh": "离店时间"}, required=True, hint=clock),
            Question(
                "devices",
                "counted",
                {"en": "Recording devices carried, spare ones included", "zh": "携带的记录设备数量（含备用）"},
            ),
            Question(
                "exposed",
                "yes_no",
                {"en": "Did staff find out that you were an inspector?", "zh": "您的检查身份是否被店员识破？"},
                required=True,
                relevant=Condition("mode", ("covert",)),
            ),
        ),
    )


def _single(name: str, label: Text, words: Mapping[str, Text]) -> Question:
    choices = tuple(Choice(value, each) for value, each in words.items())
    return Question(name, "single", label, choices=choices, required=True)


_ASKED: Final[Mapping[str, Question]] = {
    "minutes": Question(
        "minutes",
        "timed",
        {"en": "Minutes recorded", "zh": "录音或录像时长"},
        required=True,
        unit={"en": "minutes", "zh": "分钟"},
    ),
    "photos": Question("photos", "counted", {"en": "Photos taken", "zh": "照片数量"}, required=True),
    "recordings": Question("recordings", "counted", {"en": "Recordings made", "zh": "录音数量"}, required=True),
    "characters": Question(
        "problems", "text", {"en": "Problems found, in your own words", "zh": "发现的问题（请具体描述）"}
    ),
}


def _evidence_section(checklist: Checklist) -> list[Section]:
    """What the visit has to bring along; each question says how much."""
    asked = []
    for what, least in checklist.evidence.items():
        question = _ASKED[what]
        hint: Text = {"en": f"At least {least:g}.", "zh": f"不少于 {least:g}。"}
        if what == "characters":
            hint = {"en": f"At least {least:g} characters, where there was a problem.",
                    "zh": f"如有问题，描述不少于 {least:g} 字。"}  # fmt: skip
        asked.append(replace(question, hint=hint))
    return [Section("visit_evidence", {"en": "Evidence", "zh": "证据材料"}, tuple(asked))] if asked else []


def _question(item: ChecklistItem, code: int) -> Question:
    kind: Any = "single" if item.type == "graded" else item.type
    choices = tuple(Choice(value, words) for value, words in item.values.items()) if item.type == "graded" else ()
    return Question(
        item.id,
        kind,
        item.text or item.label,
        hint=item.hint,
        choices=choices,
        required=True,
        dont_know=(code, NOT_APPLICABLE_WORDS),
        evidence=_evidence_of(item),
        maximum=item.maximum,
        unit=item.unit,
    )


def _evidence_of(item: ChecklistItem) -> tuple[Evidence, ...]:
    kinds = [EVIDENCE_COLUMNS[what] for what in item.evidence]
    kinds += ["note"] if item.veto or item.cap else []
    return tuple(dict.fromkeys(kinds))


def write_shopper_forms(
    checklist: Checklist,
    folder: str | Path,
    *,
    stores: Mapping[str, Words] | None = None,
    title: Words | None = None,
    company: Words = "",
) -> dict[str, Path]:
    """Write the inspectors' form: for the tablet, on paper in each language and in both, and its list of variables.

    Returns the paths by what they are: ``xlsform, word_en, word_zh, word_both, codebook`` (and ``lists``, see
    :func:`survey_design.forms.write_forms`). Parameters as in :func:`shopper_form`.

    Examples
    --------
    >>> import tempfile
    >>> from servqual.mystery.checklist import load_checklist
    >>> with tempfile.TemporaryDirectory() as place:
    ...     sorted(path.name for path in write_shopper_forms(load_checklist("home-installation"), place).values())[:2]
    ['home-installation.xlsx', 'home-installation_both.docx']
    """
    from survey_design.forms import write_forms

    return write_forms(shopper_form(checklist, stores=stores, title=title, company=company), folder)


def read_shopper_forms(
    source: str | Path | pd.DataFrame,
    checklist: Checklist,
    *,
    stores: Mapping[str, Words] | None = None,
    language: Language | None = None,
    **options: Any,
) -> Filled:
    """Read the export of filled forms: a row per visit, columns as ``read_visits`` takes them, without any mapping.

    Parameters
    ----------
    source : the export of KoboToolbox, ODK, Wenjuanxing, LimeSurvey or Qualtrics, or a frame of its cells; only read
    checklist, stores : as the form was written with
    language : of the ledger; the checklist's if not given
    options : of :func:`survey_design.forms.filled.read_filled`

    Returns
    -------
    Filled
        ``frame`` has the columns of the form. Where the evidence asks for characters, ``characters`` counts those of
        ``problems``, spaces apart; a visit without a problem has none.
    """
    from survey_design.forms.filled import read_filled

    form = shopper_form(checklist, stores=stores)
    filled = read_filled(source, form, language=language or checklist.language, **options)
    if "problems" not in filled.frame:
        return filled
    lengths = [len("".join(text.split())) if isinstance(text, str) and text.strip() else np.nan
               for text in filled.frame["problems"]]  # fmt: skip
    return replace(filled, frame=filled.frame.assign(characters=lengths))
