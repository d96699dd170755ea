"""What many tables of a page say is said once: nothing is lost, nothing that is a table's own is moved."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from servqual.report.document import Report, Table
from servqual.report.footnotes import MOST, Footnotes, clauses
from survey_design.results import Column, Result

LONG = {"en": "errors count strata, clusters and weights, as the sample was drawn", "zh": "误差计入分层、群与权数，与抽样方式一致，自由度按群数减层数"}  # fmt: skip
SHORT = {"en": "elsewhere they do not", "zh": "其余不计"}
OTHER = {"en": "negative numbers say that service falls short of what was expected", "zh": "负值表示所提供的服务没有达到顾客事先所期望的水平"}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Told(Result):
    """A table with a note."""

    words: str = ""

    def title(self) -> str:
        return "Told"

    def columns(self) -> tuple[Column, ...]:
        return (Column("x", {"en": "x"}, "count"),)

    def note(self) -> str:
        return self.words


def reported(notes: list[str], language: str = "en") -> Report:
    report = Report("Stores", language).with_section("In short", "Nothing here.")  # type: ignore[arg-type]
    return report.with_section("Tables", *(Table(Told(pd.DataFrame({"x": [1]}), words=note)) for note in notes))


def note_of(parts: list[str], language: str) -> str:
    return "；".join(parts) + "。" if language == "zh" else "; ".join(parts) + "."


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_stands_under_more_than_three_tables_is_said_once_and_pointed_to(language):
    shared, short, other = (each[language] for each in (LONG, SHORT, OTHER))
    notes = [note_of([f"n = {k}", shared, short], language) for k in range(MOST + 1)]
    notes += [note_of([other, f"n = {k}"], language) for k in range(MOST)]
    page = BeautifulSoup(reported(notes, language).to_html(), "html.parser")
    said = page.find("aside")
    assert [each.get_text() for each in said.find_all("li")] == [
        note_of([shared[0].upper() + shared[1:], short], language)
    ]
    assert page.get_text().count(shared[1:]) == 1
    assert page.get_text().count(other) == MOST, "three tables may repeat a sentence"
    own = [each.get_text() for each in page.select("div.scroll p.note")]
    assert own[: MOST + 1] == [note_of([f"n = {k}"], language) for k in range(MOST + 1)]
    pointers = page.select("p.also")
    assert [[a["href"] for a in each.find_all("a")] for each in pointers] == [["#note-1"]] * (MOST + 1)
    assert pointers[0].get_text() == {"en": "See also note 1", "zh": "另见说明 1"}[language]
    assert page.find(id="note-1") is not None
    assert (said.find_previous("section")["id"], said.find_next("section")["id"]) == ("section-1", "section-2")


def test_one_table_less_and_nothing_moves():
    page = reported([note_of([f"n = {k}", LONG["en"]], "en") for k in range(MOST)]).to_html()
    assert "<aside" not in page
    assert page.count(LONG["en"]) == MOST


@pytest.mark.parametrize(
    "own",
    [
        "1,299 of 1,305 rows kept, 6 dropped, since they held no answers (see the ledger)",
        "unequal weights alone leave of all answers a Kish design effect of 1.21",
        "how it was scored is said under the first table of “What the shoppers saw”",
        "p adjusted: Holm",
    ],
)
def test_figures_pointers_and_short_remarks_stay_with_their_table(own):
    assert not Footnotes.of(reported([note_of(["a", own], "en")] * 9)).passages


def test_numbers_agree_in_english():
    notes = [note_of([f"n = {k}", LONG["en"]] + [OTHER["en"]] * (k > 0), "en") for k in range(MOST + 2)]
    page = BeautifulSoup(reported(notes).to_html(), "html.parser")
    assert [each.get_text() for each in page.select("p.also")][:2] == ["See also note 1", "See also notes 1, 2"]


WORDS = st.text("ab1 ;.；。()（）", max_size=30)


@given(WORDS)
def test_clauses_put_together_are_the_note(note):
    assert "".join(text + stop for text, stop in clauses(note)) == note


@given(st.lists(st.sampled_from(["n = 3", LONG["en"], SHORT["en"], OTHER["en"], "p (a; b) 4"]), min_size=1, max_size=6))
def test_what_is_kept_and_what_is_pointed_to_are_all_that_was_said(parts):
    once = Footnotes(((LONG["en"], SHORT["en"]), (OTHER["en"],)))
    own, numbers = once.split(note_of(parts, "en"))
    again = [text for text, _ in clauses(own)] + [text for k in numbers for text in once.passages[k - 1]]
    assert set(again) == set(parts)
    assert not own or own.endswith(".")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_sentence_of_the_sample_report_is_lost_and_few_are_repeated(sample_reports, language):
    report = sample_reports[language]
    once = Footnotes.of(report)
    notes = [
        block.result.note()
        for section in report.sections
        for block in section.blocks
        if getattr(block, "on_page", False)
    ]
    assert once.passages
    for note in notes:
        own, numbers = once.split(note)
        said = [text for text, _ in clauses(own)] + [text for k in numbers for text in once.passages[k - 1]]
        assert sorted(set(said)) == sorted({text for text, _ in clauses(note)})
        assert sum(map(str.isdigit, own)) == sum(map(str.isdigit, note)), "figures stay under their table"
    page = BeautifulSoup(report.to_html(), "html.parser")
    below = [text for each in page.select("div.scroll p.note") for text, _ in clauses(each.get_text())]
    assert [passage for passage in once.passages if passage[0] in below] == []  # within another clause it may stand
    assert len(page.select("aside li")) == len(once.passages)
