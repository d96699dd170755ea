"""What does an interviewer hold in the hand? The questionnaire on paper: numbered, with grids, routing in words, cards; lists apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from survey_design.errors import SpecError, check_choice
from survey_design.forms.contacts import PLACES, aapor_code
from survey_design.forms.word import (
    Align,
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
from survey_design.questionnaire import (
    EVIDENCE_WORDS,
    NUMERIC,
    Choice,
    Code,
    Condition,
    Question,
    Questionnaire,
    Section,
    Words,
    condition_in_words,
)
from survey_design.results import Language, Text

BOX = "□"
SIGN = "►"  # what follows is for the interviewer
GRID_LIMIT = 12  # a longer scale is written as a number
LIST_LIMIT = 12  # a longer list of choices is left to a file of its own, and a code is written
HEADER = ("respondent", *PLACES, "interviewer")  # what an interviewer fills in without asking
_LINE = "_" * 12

_WORDS: Mapping[str, Text] = {
    "form": {"en": "Form {name}, version {version}", "zh": "问卷 {name}，版本 {version}"},
    "reader": {
        "en": "Circle one number or tick one box per question, unless several answers are allowed. Shaded lines beginning "
        f"with {SIGN} are instructions, never read out; whoever asks a respondent reads the questions word for word.",
        "zh": f"除注明可多选外，每题只圈一个数字或勾选一项。带底色并以 {SIGN} 开头的是填写说明，不读出；向受访者提问时，问题须逐字读出。",
    },
    "respondent": {"en": "Interview number", "zh": "访问编号"},
    "store": {"en": "Store", "zh": "门店"},
    "date": {"en": "Date", "zh": "日期"},
    "begun": {"en": "Begun at", "zh": "开始时间"},
    "ended": {"en": "Ended at", "zh": "结束时间"},
    "interviewer": {"en": "Interviewer", "zh": "访问员"},
    "several": {"en": "Several answers are possible.", "zh": "可多选。"},
    "card": {"en": "Show card {card}.", "zh": "出示卡片 {card}。"},
    "called": {"en": "question {number}", "zh": "第 {number} 题"},
    "only_if": {"en": "Ask only if {rule}.", "zh": "仅当{rule}时询问。"},
    "section_if": {"en": "Ask this part only if {rule}.", "zh": "仅当{rule}时询问本部分。"},
    "go_to": {"en": "If {answers}: go to question {number}.", "zh": "若回答{answers}：跳至第 {number} 题。"},
    "thank": {
        "en": "If {answers}: thank the respondent and go to question {number}.",
        "zh": "若回答{answers}：致谢，跳至第 {number} 题。",
    },
    "end": {"en": "If {answers}: thank the respondent; the interview ends.", "zh": "若回答{answers}：致谢，结束访问。"},
    "again": {
        "en": "Ask this part again for each case; use a new sheet.",
        "zh": "每个对象重复询问本部分，请另用一页。",
    },
    "day": {"en": "year / month / day", "zh": "年 / 月 / 日"},
    "sum": {"en": "Sum (must be {total})", "zh": "合计（必须等于 {total}）"},
    "points": {"en": "Points", "zh": "分数"},
    "code": {"en": "Code", "zh": "编号"},
    "coded": {"en": "code from the tally sheet or list", "zh": "编号见计数表或编号表"},
    "list": {"en": "Write the code from the tally sheet or the list of codes.", "zh": "填写计数表或编号表中的编号。"},
    "listed": {"en": "Codes: {title}", "zh": "编号表：{title}"},
    "within": {"en": "Belongs to", "zh": "所属"},
    "file": {"en": "file or number", "zh": "文件名或编号"},
    "cards": {"en": "Show card {card}", "zh": "卡片 {card}"},
}


def write_word(questionnaire: Questionnaire, path: str | Path, *, language: PaperLanguage | None = None) -> Path:
    """Write a questionnaire as a Word document to print and fill in by hand.

    Parameters
    ----------
    questionnaire : what is asked
    path : ends in ``.docx``; the file appears whole or not at all, and the same form gives the same bytes
    language : {"en", "zh", "both"}
        "both" prints every text in English and below it in Chinese. The language shown first if not given.

    Notes
    -----
    What the interviewer knows without asking (respondent, store, block, date, hour, interviewer, where they are the first
    questions) is written into the boxes on top. The other questions are numbered through. Graded ones stand in grids with
    the codes to circle, "don't know" in the last column. Routing is said in words with the number to go to ("If 'No': go
    to question 9"). What is for the interviewer is shaded and begins with ►. Codes stand before words where they are
    numbers. Show cards follow, one to a page. Lists of more than twelve choices have no place in every copy: a code is
    written, and :func:`write_lists` prints them once.

    Examples
    --------
    >>> import tempfile
    >>> bought = Question("bought", "yes_no", {"en": "Did you buy anything?", "zh": "您买东西了吗？"})
    >>> form = Questionnaire("visit", "1", "Visit", (Section("all", {"en": "All", "zh": "全部"}, (bought,)),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_word(form, Path(folder) / "visit.docx", language="both").name
    'visit.docx'
    """
    page = _Page(questionnaire, _spoken(questionnaire, language))
    page.print_all()
    return save(page.document, path)


def write_lists(questionnaire: Questionnaire, path: str | Path, *, language: PaperLanguage | None = None) -> Path:
    """Write the lists that are too long for every copy of the questionnaire as one Word document: code and words.

    Parameters
    ----------
    questionnaire, path, language : as in :func:`write_word`

    Raises
    ------
    SpecError
        If no question has more than twelve choices (see :func:`long_lists`).

    Examples
    --------
    >>> import tempfile
    >>> towns = tuple(Choice(k, f"Town {k}") for k in range(1, 31))
    >>> form = Questionnaire("f", "1", "F", (Section("s", "S", (Question("town", "single", "Town?", choices=towns),)),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_lists(form, Path(folder) / "codes.docx").name
    'codes.docx'
    """
    tongue = _spoken(questionnaire, language)
    listed = long_lists(questionnaire)
    if not listed:
        raise SpecError(f"questionnaire '{questionnaire.name}' has no list of more than {LIST_LIMIT} choices to print.")
    titles = {each: wording(questionnaire.title, each) for each in _languages(tongue)}
    heading = wording({each: _WORDS["listed"][each].format(title=titles[each]) for each in titles}, tongue)
    document = new_document(heading, tongue)
    for question in listed:
        _write_list(document, question, questionnaire, tongue)
    return save(document, path)


def long_lists(questionnaire: Questionnaire) -> tuple[Question, ...]:
    """The questions whose choices are too many for the questionnaire on paper.

    >>> long_lists(Questionnaire("f", "1", "F", (Section("s", "S", (Question("a", "yes_no", "?"),)),)))
    ()
    """
    return tuple(question for question in questionnaire.questions if _is_long(question))


def _is_long(question: Question) -> bool:
    return question.kind in ("single", "multiple") and len(question.options) > LIST_LIMIT


def _write_list(document: Any, question: Question, form: Questionnaire, language: PaperLanguage) -> None:
    """Codes and words of one question, and to which answer of another question they belong."""
    add_heading(document, wording(question.label, language, between=" "))
    head = [wording(_WORDS["code"], language, between=" "), wording(question.label, language, between=" ")]
    widths = [4.0, page_width() - 4.0]
    rows = [[str(option.value), _without_code(option, language)] for option in question.options]
    if question.filter_by:
        other = form.question(question.filter_by)
        said = {str(option.value): _without_code(option, language) for option in other.options}
        head.insert(0, wording(other.label, language, between=" "))
        widths = [4.5, 4.0, page_width() - 8.5]
        within = ["" if option.within is None else str(option.within) for option in question.options]
        rows = [[" ".join(dict.fromkeys(filter(None, (code, said.get(code, ""))))), *row]
                for code, row in zip(within, rows, strict=True)]  # fmt: skip
    add_table(document, [head, *rows], widths)


def _spoken(questionnaire: Questionnaire, language: PaperLanguage | None) -> PaperLanguage:
    """The language to print in, if the form has words in it."""
    tongue: PaperLanguage = language or questionnaire.shown
    check_choice("language", tongue, PaperLanguage)
    lacking = [each for each in _languages(tongue) if each not in questionnaire.languages]
    if lacking:
        raise SpecError(
            f"questionnaire '{questionnaire.name}' has no words in '{lacking[0]}', so it can't be printed "
            f"with language='{tongue}'. It has: {', '.join(questionnaire.languages)}."
        )
    return tongue


def _without_code(option: Choice, language: PaperLanguage) -> str:
    """An option's words, without the number that a grade begins with."""
    words: dict[str, str] = {
        each: wording(option.label, each).removeprefix(f"{option.value} – ") for each in _languages(language)
    }
    return wording(words, language, between=" ")


def question_numbers(questionnaire: Questionnaire) -> dict[str, int]:
    """The number of every question on paper; notes have none, nor has what stands in the boxes on top.

    >>> form = Questionnaire(
    ...     "f", "1", "F", (Section("s", "S", (Question("a", "note", "!"), Question("b", "text", "?"))),)
    ... )
    >>> question_numbers(form)
    {'b': 1}
    """
    boxed = in_header(questionnaire)
    asked = [each.name for each in questionnaire.questions if each.kind != "note" and each not in boxed]
    return {name: number for number, name in enumerate(asked, start=1)}


@dataclass(frozen=True)
class Jump:
    """After these answers the next question asked is ``target``; None where nothing is left to ask."""

    answers: tuple[Code, ...]
    target: str | None


def jumps(questionnaire: Questionnaire, name: str) -> tuple[Jump, ...]:
    """Where the answers to a question lead, if not to the question after it.

    A question that is skipped leaves no answer, so what depends on it is skipped too.

    >>> from survey_design.questionnaire import Condition
    >>> form = Questionnaire(
    ...     "f",
    ...     "1",
    ...     "F",
    ...     (
    ...         Section(
    ...             "s",
    ...             "S",
    ...             (
    ...                 Question("bought", "yes_no", "Bought?"),
    ...                 Question("price", "number", "Price?", relevant=Condition("bought", (1,))),
    ...                 Question("again", "yes_no", "Again?"),
    ...             ),
    ...         ),
    ...     ),
    ... )
    >>> jumps(form, "bought")
    (Jump(answers=(0,), target='again'),)
    """
    question = questionnaire.question(name)
    if question.kind not in ("graded", "single", "yes_no"):
        return ()
    later = [(section, each) for section in questionnaire.sections for each in section.questions if each.kind != "note"]
    at = [each.name for _, each in later].index(name) + 1
    found: dict[str | None, list[Code]] = {}
    for code in question.codes:
        passed: set[str] = set()
        target: str | None = None
        for k, (section, each) in enumerate(later[at:]):
            rules = [rule for rule in (section.relevant, each.relevant) if rule is not None]
            if any(
                rule.question in passed or (rule.question == name and not _holds(rule, code, question))
                for rule in rules
            ):
                passed.add(each.name)
                continue
            target = each.name
            if k:
                found.setdefault(target, []).append(code)
            break
        if target is None and later[at:]:
            found.setdefault(None, []).append(code)
    return tuple(Jump(tuple(codes), target) for target, codes in found.items())


def _holds(condition: Condition, code: Code, question: Question) -> bool:
    if condition.values:
        return code in condition.values
    if isinstance(code, str) or (question.dont_know is not None and code == question.dont_know[0]):
        return False
    low = float("-inf") if condition.low is None else condition.low
    return low <= code <= (float("inf") if condition.high is None else condition.high)


def _languages(language: PaperLanguage) -> tuple[Language, ...]:
    return ("en", "zh") if language == "both" else (language,)


# --- the page ----------------------------------------------------------------------------------------------


class _Page:
    """The document while it is written: what is said in which language, and the number of every question."""

    def __init__(self, form: Questionnaire, language: PaperLanguage) -> None:
        self.form, self.language = form, language
        self.numbers = question_numbers(form)
        self.document = new_document(wording(form.title, language), language)
        self.boxed = in_header(form)

    def print_all(self) -> None:
        if wording(self.form.company, self.language):
            add_paragraph(self.document, self.say(self.form.company, "  "), bold=True)
        add_paragraph(self.document, self.words("form", name=self.form.name, version=self.form.version), size=9)
        self.advise(self.words("reader"), ahead=False)
        self.boxes()
        for words in (self.form.intro, self.form.consent):
            if words:
                add_paragraph(self.document, self.say(words))
        for section in self.form.sections:
            self.section(section)
        self.cards()

    def say(self, words: Words, between: str = "\n") -> str:
        return wording(words, self.language, between=between)

    def words(self, key: str, **values: Any) -> str:
        """Our own words with values filled in; a value may differ between languages."""
        filled: dict[str, str] = {}
        for each in _languages(self.language):
            said = {name: value[each] if isinstance(value, Mapping) else value for name, value in values.items()}
            filled[each] = _WORDS[key][each].format(**said)
        return wording(filled, self.language)

    def advise(self, text: str, *, ahead: bool = True) -> None:
        """What is for the interviewer; ``ahead`` if it belongs to what follows."""
        for line in text.split("\n"):
            add_paragraph(self.document, f"{SIGN} {line}", size=9, shaded=True, keep_with_next=ahead)

    @property
    def colon(self) -> str:
        return "：" if self.language == "zh" else ":"

    def boxes(self) -> None:
        """Who, where and when, to be filled in by hand; short lists of codes stand below."""
        texts = [self.box(question) for question in self.boxed]
        dated = any(question.kind == "date" for question in self.form.sections[0].questions)
        known = {*self.form.columns, *(["date"] if dated else [])}
        missing = [name for name in ("respondent", "store", "date") if name not in known]
        missing += [name for name in ("begun", "ended", "interviewer") if name not in known]
        texts += [self.say(_WORDS[key], " ") + self.colon for key in missing]
        texts += [""] * (-len(texts) % 3)
        rows = [texts[k : k + 3] for k in range(0, len(texts), 3)]
        add_table(self.document, rows, [page_width() / 3] * 3, header=False, row_height=1.1)
        for question in self.boxed:
            if question.options and not _is_long(question):
                codes = ("；" if self.language == "zh" else "; ").join(
                    self.coded(option) for option in question.options
                )
                add_paragraph(self.document, f"{self.say(question.label, ' ')}{self.colon} {codes}", size=9)
        add_space(self.document)

    def box(self, question: Question) -> str:
        label = self.say(question.label, " ")
        hint = self.say({each: wording(question.hint, each).rstrip(".。") for each in _languages(self.language)}, " ")
        if question.kind == "date":
            hint = self.say(_WORDS["day"], "  ")
        elif _is_long(question):
            hint = hint or self.say(_WORDS["coded"], " ")
        told = f"（{hint}）" if self.language == "zh" else f" ({hint})"
        return f"{label}{told if hint else ''}{self.colon}"

    def coded(self, option: Choice) -> str:
        """A code to write, and what it stands for."""
        words = self.said(option)
        return str(option.value) if words == str(option.value) else f"{option.value} = {words}"

    # --- sections and questions

    def section(self, section: Section) -> None:
        add_heading(self.document, self.say(section.label, " "), 2)
        if self.must_say(section.relevant):
            self.advise(self.words("section_if", rule=self.rule(section.relevant)))
        if section.repeat:
            self.advise(self.words("again"))
        if section.lead:
            lead = add_paragraph(self.document, self.say(section.lead), bold=True)
            lead.paragraph_format.keep_with_next = True
        for run in _runs([each for each in section.questions if each not in self.boxed]):
            if _in_grid(run[0]):
                self.grid(run)
            else:
                self.question(run[0])

    def grid(self, run: Sequence[Question]) -> None:
        """Graded questions with the same answers: a row each, the codes to circle in columns."""
        first = run[0]
        self.before(first)
        if first.hint:
            self.advise(self.say(first.hint))
        codes = [str(choice.value) for choice in first.answers]
        header = ["", self.ends(first), *codes]
        widths = [0.95, 0.0, *[min(0.85, 8.6 / len(codes))] * len(codes)]
        if first.dont_know is not None:
            header.append(self.say(first.dont_know[1]))
            widths.append(1.6)
            codes.append(str(first.dont_know[0]))
        widths[1] = page_width() - sum(widths)
        rows = [[str(self.numbers[each.name]), self.say(each.label), *codes] for each in run]
        align: list[Align] = ["left", "left"]
        align += ["center"] * len(codes)
        add_table(self.document, [header, *rows], widths, align=align, row_height=0.75)
        add_space(self.document)
        for each in run:
            self.after(each)

    def ends(self, question: Question) -> str:
        """What the ends of the scale mean, for the grid's heading; it comes again on every page."""
        scale = question.scale
        if scale is None or not (scale.low_label or scale.high_label):
            return ""
        lines = []
        for each in _languages(self.language):
            ends = [f"{k} = {wording(label, each)}" for k, label in
                    ((scale.low, scale.low_label), (scale.high, scale.high_label)) if label]  # fmt: skip
            lines.append("  …  ".join(ends))
        return "\n".join(lines)

    def question(self, question: Question) -> None:
        if question.kind == "note":
            add_paragraph(self.document, self.say(question.label))
            return
        self.before(question)
        number = self.numbers[question.name]
        add_paragraph(self.document, f"{number}.  {self.say(question.label)}", bold=True, keep_with_next=True)
        if question.hint:
            self.advise(self.say(question.hint))
        self.answer(question)
        self.after(question)

    def before(self, question: Question) -> None:
        """What the interviewer must know before asking."""
        if self.must_say(question.relevant):
            self.advise(self.words("only_if", rule=self.rule(question.relevant)))
        if question.show_card:
            self.advise(self.words("card", card=question.show_card))
        if question.kind == "multiple":
            self.advise(self.words("several"))

    def answer(self, question: Question) -> None:
        """The room for the answer."""
        if question.kind == "points":
            self.points(question)
        elif question.kind == "text":
            add_table(self.document, [[""]], [page_width()], header=False, row_height=1.1)
            add_space(self.document)
        elif question.kind == "evidence":
            self.evidence(question.evidence)
        elif question.kind == "date":
            add_paragraph(self.document, f"{_LINE}  ({self.say(_WORDS['day'], '  ')})", indent=0.8)
        elif question.kind in NUMERIC or question.kind == "graded":
            self.number(question)
        elif _is_long(question):
            add_paragraph(self.document, f"{self.say(_WORDS['code'], ' ')}: {_LINE}", indent=0.8)
            self.advise(self.words("list"), ahead=False)
        else:
            self.choices(question)

    def choices(self, question: Question) -> None:
        """Boxes to tick, side by side where the words are short."""
        texts = [f"{BOX} {self.ticked(option)}" for option in question.options]
        longest = max(map(_length, texts))
        across = min(len(texts), next((k for k in (4, 3, 2) if longest <= 84 // k - 4), 1))
        lines = ["\t".join(texts[k : k + across]) for k in range(0, len(texts), across)]
        stops = [0.8 + k * (page_width() - 0.8) / across for k in range(1, across)]
        for k, line in enumerate(lines, start=1):
            add_paragraph(self.document, line, indent=0.8, tabs=stops, keep_with_next=k < len(lines))

    def ticked(self, option: Choice) -> str:
        """An option beside its box: its code where that is a number, and its words, which may say it in AAPOR's spelling."""
        words = {each: wording(option.label, each) for each in _languages(self.language)}
        own = f"{aapor_code(option.value)} "
        if all(text.startswith(own) for text in words.values()):
            return own + " " + self.say({each: text.removeprefix(own) for each, text in words.items()}, " ")
        return f"{option.value}  {self.said(option)}" if isinstance(option.value, int) else self.said(option)

    def said(self, option: Choice) -> str:
        """An option's words without the code, which stands before them."""
        return _without_code(option, self.language)

    def number(self, question: Question) -> None:
        unit = self.say(question.unit, " ")
        other = (
            ""
            if question.dont_know is None
            else f"    {BOX} {question.dont_know[0]}  {self.say(question.dont_know[1], ' ')}"
        )
        add_paragraph(self.document, f"{_LINE}  {unit}{other}", indent=0.8)

    def points(self, question: Question) -> None:
        rows = [["", self.say(_WORDS["points"], " ")]]
        rows += [[self.say(choice.label), ""] for choice in question.choices]
        rows.append([self.words("sum", total=f"{question.total:g}"), f"{question.total:g}"])
        add_table(
            self.document, rows, [page_width() - 3, 3], align=["left", "center"], row_height=0.8, keep_together=True
        )
        add_space(self.document)

    def evidence(self, kinds: Sequence[str]) -> None:
        for kind in kinds:
            where = "" if kind == "note" else f"  ({self.say(_WORDS['file'], ' ')})"
            line = 4 * _LINE if kind == "note" else _LINE
            add_paragraph(self.document, f"{BOX} {self.say(EVIDENCE_WORDS[kind], ' ')}:  {line}{where}", indent=0.8)

    def after(self, question: Question) -> None:
        """What is collected besides the answer, and where to go on."""
        if question.kind != "evidence":
            self.evidence(question.evidence)
        screens = question.name in [condition.question for condition in self.form.screening]
        for jump in jumps(self.form, question.name):
            answers = {each: self.answers_in_words(question, jump.answers, each) for each in _languages(self.language)}
            if jump.target is None:
                self.advise(self.words("end", answers=answers), ahead=False)
            else:
                self.advise(
                    self.words("thank" if screens else "go_to", answers=answers, number=self.numbers[jump.target]),
                    ahead=False,
                )

    def answers_in_words(self, question: Question, codes: Sequence[Code], language: Language) -> str:
        words = [wording(option.label, language) for option in question.options if option.value in codes]
        if language == "zh":
            return "或".join(f"“{word}”" for word in words)
        return " or ".join(f"'{word}'" for word in words)

    def must_say(self, condition: Condition | None) -> bool:
        """A condition of the screening needs no words: whoever doesn't fulfil it was sent on before."""
        return condition is not None and condition not in self.form.screening

    def rule(self, condition: Condition | None) -> Text:
        """A condition in words, with the question's number; empty without one."""
        if condition is None:
            return {}
        number = self.numbers[condition.question]
        said = {
            each: condition_in_words(condition, self.form, each, _WORDS["called"][each].format(number=number))
            for each in _languages(self.language)
        }
        return {each: text + " " * (each == "zh" and text[-1].isdigit()) for each, text in said.items()}

    # --- what follows the questions

    def cards(self) -> None:
        shown = {each.show_card: each for each in reversed(self.form.questions) if each.show_card}
        for card in sorted(shown):
            add_page_break(self.document)
            add_heading(self.document, self.words("cards", card=card).replace("\n", " "), 1)
            answers = shown[card].answers
            if all(isinstance(choice.value, int) for choice in answers):
                rows = [[str(choice.value), self.said(choice) if self.said(choice) != str(choice.value) else ""]
                        for choice in answers]  # fmt: skip
                widths = [3.0, page_width() - 3]
            else:
                rows, widths = [[self.said(choice)] for choice in answers], [page_width()]
            sides: list[Align] = ["center", "left"] if len(widths) > 1 else ["left"]
            add_table(self.document, rows, widths, header=False, align=sides, size=20, row_height=1.4)


def in_header(form: Questionnaire) -> list[Question]:
    """The questions that are written into the boxes on top: the first ones, as long as they tell who, where and when.

    >>> from survey_design.exit_interview import contact_section
    >>> [question.name for question in in_header(Questionnaire("f", "1", "F", (contact_section(),)))]
    ['respondent', 'store', 'date']
    """
    first = form.sections[0]
    conditions = [*(section.relevant for section in form.sections), *(each.relevant for each in form.questions)]
    decisive = {condition.question for condition in (*conditions, *form.screening) if condition is not None}

    def fits(each: Question) -> bool:
        written = each.kind in ("text", "date", "number", "counted", "single")
        return each.name in HEADER and written and not (each.relevant or each.evidence or each.name in decisive)

    return [] if first.relevant or first.repeat else list(takewhile(fits, first.questions))


def _runs(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """Questions that share one grid, others one by one."""
    run: list[Question] = []
    for question in questions:
        if run and not (_in_grid(question) and _in_grid(run[0]) and _same_grid(question, run[0])):
            yield run
            run = []
        run.append(question)
    if run:
        yield run


def _in_grid(question: Question) -> bool:
    return question.kind == "graded" and len(question.answers) <= GRID_LIMIT


def _same_grid(one: Question, other: Question) -> bool:
    keys = ("scale", "dont_know", "relevant", "show_card", "hint")
    return all(getattr(one, key) == getattr(other, key) for key in keys)


def _length(text: str) -> int:
    """How wide a text is printed: a Chinese character takes the room of two letters."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
