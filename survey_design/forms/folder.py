"""Which files go to the field? All forms of one questionnaire, written together."""

from __future__ import annotations

from pathlib import Path

from survey_design.forms.codebook import codebook
from survey_design.forms.paper import long_lists, write_lists, write_word
from survey_design.forms.word import PaperLanguage
from survey_design.forms.xlsform import write_xlsform
from survey_design.outputs import write_whole
from survey_design.questionnaire import Questionnaire


def write_forms(questionnaire: Questionnaire, folder: str | Path) -> dict[str, Path]:
    """Write the tablet form, the paper form in every language (and in both, side by side), and the list of variables.

    Returns the paths by what they are: ``xlsform, word_en, word_zh, word_both, codebook``, and ``lists`` where a list of
    choices is too long for the paper form: once, in all languages.

    Examples
    --------
    >>> import tempfile
    >>> from survey_design.questionnaire import Question, Section
    >>> bought = Question("bought", "yes_no", {"en": "Bought?", "zh": "买了吗？"})
    >>> form = Questionnaire("visit", "1", "Visit", (Section("all", {"en": "All", "zh": "全部"}, (bought,)),))
    >>> with tempfile.TemporaryDirectory() as place:
    ...     sorted(path.name for path in write_forms(form, place).values())
    ['visit.xlsx', 'visit_both.docx', 'visit_codebook.csv', 'visit_en.docx', 'visit_zh.docx']
    """
    folder, name = Path(folder), questionnaire.name
    written = {"xlsform": write_xlsform(questionnaire, folder / f"{name}.xlsx")}
    papers: list[PaperLanguage] = [*questionnaire.languages]
    for language in [*papers, "both"] if len(papers) > 1 else papers:
        path = folder / f"{name}_{language}.docx"
        written[f"word_{language}"] = write_word(questionnaire, path, language=language)
    if long_lists(questionnaire):
        tongue: PaperLanguage = "both" if len(papers) > 1 else papers[0]
        written["lists"] = write_lists(questionnaire, folder / f"{name}_lists.docx", language=tongue)
    text = "\ufeff" + codebook(questionnaire).to_csv()
    written["codebook"] = write_whole(folder / f"{name}_codebook.csv", text.encode("utf-8"))
    return written
