"""Personal data are masked when answers are read, in every column and list that comes out, unless told otherwise."""

import pandas as pd
import pyarrow as pa
import pytest

from servqual import Responses, SampleDesign, load_instrument, read_responses, score_gaps
from servqual.streams import stream_responses
from survey_design.errors import DataError, SpecError

ASKED = load_instrument("servperf-22")
PHONE, MAIL = "13812345678", "li@example.com"
ITEMS = list(ASKED.columns("perception").values())


def study():
    frame = pd.DataFrame({column: [5, 6, 7, 4] for column in ITEMS})
    comments = ["好", f"请致电 {PHONE}", f"write to {MAIL}", "队伍太长"]
    return frame.assign(
        comment=comments,
        姓名=["王芳", "李娜", "张伟", "刘洋"],
        who=[PHONE, "13912345678", PHONE, None],
        store=list("aabb"),
    )


def everything(responses):
    """All texts that a set of responses can show."""
    shown = [responses.frame.to_csv(), responses.cases.to_csv(), responses.ledger.to_string(), repr(responses)]
    personal = responses.personal_data
    return "\n".join([*shown, *([personal.to_string(), personal.in_language("zh").to_string()] if personal else [])])


@pytest.mark.parametrize("make", [Responses, lambda frame, *args, **options: Responses(pa.Table.from_pandas(frame), *args, **options)],
                         ids=["pandas", "pyarrow"])  # fmt: skip
def test_names_numbers_and_addresses_are_masked(make):
    responses = make(study(), ASKED, SampleDesign(clusters="store"), respondent="who", faults="set aside")
    said = everything(responses)
    for secret in (PHONE, "13912345678", MAIL, "王芳", "李娜"):
        assert secret not in said
    assert responses.frame["comment"].tolist() == ["好", "请致电 [phone]", "队伍太长"], (
        "the third row repeats the first person"
    )
    assert responses.frame["who"].tolist()[:2] == ["P0001", "P0002"]
    assert responses.ledger.count("duplicate") == 1
    assert responses.cases["value"].tolist() == ["P0001"]
    found = responses.personal_data.frame.groupby("kind", sort=False)["n"].sum()
    assert found.to_dict() == {"phone": 4, "e-mail": 1, "name": 4}
    assert set(responses.personal_data.frame["action"]) == {"masked", "coded"}


def test_answers_design_and_other_columns_stay_as_they_are():
    frame = study()
    masked, kept = (
        Responses(frame, ASKED, SampleDesign(clusters="store"), personal_data=rule) for rule in ("mask", "keep")
    )
    pd.testing.assert_frame_equal(masked.frame[[*ITEMS, "store"]], kept.frame[[*ITEMS, "store"]])
    assert kept.frame["comment"].tolist() == frame["comment"].tolist()
    assert kept.personal_data is None
    assert score_gaps(masked, expected=6).to_frame().equals(score_gaps(kept, expected=6).to_frame())


def test_a_number_typed_where_an_answer_belongs_is_not_told():
    frame = study().astype({ITEMS[3]: object})
    frame.loc[1, ITEMS[3]] = f"ring {PHONE}"
    with pytest.raises(DataError) as caught:
        Responses(frame, ASKED)
    assert PHONE not in str(caught.value) + caught.value.cases.to_string()
    assert caught.value.cases["value"].tolist() == ["ring [phone]"]


def test_files_are_masked_and_left_alone_on_disk(tmp_path):
    path = tmp_path / "answers.csv"
    study().to_csv(path, index=False)
    before = path.read_bytes()
    assert PHONE not in everything(read_responses(path, ASKED))
    assert path.read_bytes() == before
    assert PHONE in read_responses(path, ASKED, personal_data="keep").frame.to_csv()


def test_rows_alike_are_counted_before_masking():
    """Two people who differ only in their name are not one row twice."""
    frame = study().iloc[[0, 0, 1]].reset_index(drop=True)
    frame.loc[1, "姓名"] = "赵敏"
    assert Responses(frame, ASKED).rows_alike == 0
    assert Responses(frame.iloc[[0, 0, 2]].reset_index(drop=True), ASKED).rows_alike == 1


def test_streams_mask_what_they_list_and_hand_over():
    frame = study().astype({ITEMS[3]: str})
    frame.loc[1, ITEMS[3]] = f"ring {PHONE}"
    table = pa.Table.from_pandas(frame, preserve_index=False)
    stream = stream_responses(lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(1)), ASKED, respondent="who",
                              faults="set aside")  # fmt: skip
    said = stream.cases.to_csv() + pd.concat(stream.frames()).to_csv() + stream.personal_data.to_string()
    assert PHONE not in said
    assert "王芳" not in said
    assert stream.ledger.count("duplicate") == 1
    memory = Responses(frame, ASKED, respondent="who", faults="set aside").personal_data.frame
    assert (
        stream.personal_data.frame.groupby("kind")["n"].sum().to_dict() == memory.groupby("kind")["n"].sum().to_dict()
    )


def test_an_unknown_rule_is_refused():
    with pytest.raises(SpecError, match="personal_data='hide' is not known"):
        Responses(study(), ASKED, personal_data="hide")
