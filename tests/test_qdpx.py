"""Statements as REFI-QDA projects, and back.

Authority: the rules of the published schema Project.xsd (QDA-XML 1.0, 18 March 2019), written below as a table and checked against
every file written; and the standard's own example of a selection (REFI-QDA 1.5, section 10 and annex). Identity: what goes out
comes back, whatever was said. Files of others are built here after what QualCoder, ATLAS.ti and MAXQDA write.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual.focus import read_qdpx, read_statements, write_qdpx
from servqual.focus.code_frame import Code, CodeFrame
from servqual.instruments import Dimension
from survey_design.errors import DataError, SpecError

NS = "urn:QDA-XML:project:1.0"
SAMPLE = "data/sample/statements.csv"

# --- the rules of the schema -------------------------------------------------------------------------------

GUID = r"([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})|(\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\})"
TYPES = {"guid": GUID, "text": r"(?s).*", "whole": r"[+-]?\d+", "yes/no": "true|false|1|0", "rgb": "#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})",
         "kind": "Text|Boolean|Integer|Float|Date|DateTime"}  # fmt: skip
STAMPS = {"creatingUser": "guid", "creationDateTime": "text", "modifyingUser": "guid", "modifiedDateTime": "text"}
MANY = None
# element: children in their order with (least, most); attributes needed; attributes allowed; what it is within (for names used twice)
RULES = {
    "Project": ([("Users", 0, 1), ("CodeBook", 0, 1), ("Variables", 0, 1), ("Cases", 0, 1), ("Sources", 0, 1), ("Notes", 0, 1),
                 ("Links", 0, 1), ("Sets", 0, 1), ("Graphs", 0, 1), ("Description", 0, 1), ("NoteRef", 0, MANY)],
                {"name": "text"}, {"origin": "text", "creatingUserGUID": "guid", "creationDateTime": "text",
                                   "modifyingUserGUID": "guid", "modifiedDateTime": "text", "basePath": "text"}),
    "Users": ([("User", 1, MANY)], {}, {}),
    "User": ([], {"guid": "guid"}, {"name": "text", "id": "text"}),
    "CodeBook": ([("Codes", 1, 1)], {}, {}),
    "Codes": ([("Code", 1, MANY)], {}, {}),
    "Code": ([("Description", 0, 1), ("NoteRef", 0, MANY), ("Code", 0, MANY)],
             {"guid": "guid", "name": "text", "isCodable": "yes/no"}, {"color": "rgb"}),
    "Variables": ([("Variable", 1, MANY)], {}, {}),
    "Variable": ([("Description", 0, 1)], {"guid": "guid", "name": "text", "typeOfVariable": "kind"}, {}),
    "Cases": ([("Case", 1, MANY)], {}, {}),
    "Case": ([("Description", 0, 1), ("CodeRef", 0, MANY), ("VariableValue", 0, MANY), ("SourceRef", 0, MANY),
              ("SelectionRef", 0, MANY)], {"guid": "guid"}, {"name": "text"}),
    "VariableValue": ([("VariableRef", 1, 1), ("TextValue", 0, 1)], {}, {}),
    "TextValue": ([], {}, {}),
    "Sources": ([("TextSource", 1, MANY)], {}, {}),
    "TextSource": ([("Description", 0, 1), ("PlainTextContent", 0, 1), ("PlainTextSelection", 0, MANY), ("Coding", 0, MANY),
                    ("NoteRef", 0, MANY), ("VariableValue", 0, MANY)],
                   {"guid": "guid"}, {"name": "text", "richTextPath": "text", "plainTextPath": "text", **STAMPS}),
    "PlainTextSelection": ([("Description", 0, 1), ("Coding", 0, MANY), ("NoteRef", 0, MANY)],
                           {"guid": "guid", "startPosition": "whole", "endPosition": "whole"}, {"name": "text", **STAMPS}),
    "Coding": ([("CodeRef", 1, 1), ("NoteRef", 0, MANY)], {"guid": "guid"}, {"creatingUser": "guid", "creationDateTime": "text"}),
    **{name: ([], {"targetGUID": "guid"}, {}) for name in ("CodeRef", "VariableRef", "SelectionRef", "SourceRef", "NoteRef")},
    "Description": ([], {}, {}),
}  # fmt: skip


def breaches(element):
    """What breaks the schema's rules, element by element."""
    name = element.tag.removeprefix(f"{{{NS}}}")
    if not element.tag.startswith(f"{{{NS}}}") or name not in RULES:
        return [f"{element.tag}: not known"]
    children, needed, allowed = RULES[name]
    found = [f"{name}: lacks {key}" for key in needed if key not in element.attrib]
    for key, value in element.attrib.items():
        kind = {**needed, **allowed}.get(key)
        if kind is None or not re.fullmatch(TYPES[kind], value):
            found.append(f"{name}: {key}={value!r}")
    tags = [child.tag.removeprefix(f"{{{NS}}}") for child in element]
    order = [each for each, *_ in children]
    if any(tag not in order for tag in tags) or [order.index(t) for t in tags] != sorted(order.index(t) for t in tags):
        found.append(f"{name}: children {tags[:6]}")
    for child, least, most in children:
        if not least <= tags.count(child) <= (most if most is not None else 10**9):
            found.append(f"{name}: {tags.count(child)} {child}")
    if children and (element.text or "").strip():
        found.append(f"{name}: text between its elements")
    return found + [each for child in element for each in breaches(child)]


def project_of(path):
    with zipfile.ZipFile(path) as packed:
        return ET.fromstring(packed.read("project.qde")), {name: packed.read(name) for name in packed.namelist()}


def same(one, two):
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.coders == two.coders
    assert one.code_frame == two.code_frame
    for name in ("votes", "judged", "sentiments"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.fixture(scope="module")
def sample():
    return read_statements(SAMPLE)


def test_a_written_project_keeps_the_rules_of_the_schema(sample, tmp_path):
    root, parts = project_of(write_qdpx(tmp_path / "voices.qdpx", sample))
    assert root.tag == f"{{{NS}}}Project"
    assert breaches(root) == []
    guids = [element.get("guid") for element in root.iter() if element.get("guid")]
    assert len(guids) == len(set(guids))
    wanted = {element.get(key) for element in root.iter() for key in ("targetGUID", "creatingUser") if element.get(key)}
    assert wanted <= set(guids)
    kinds = {
        element.get("guid"): element.tag.removeprefix(f"{{{NS}}}") for element in root.iter() if element.get("guid")
    }
    for ref, kind in (("CodeRef", "Code"), ("VariableRef", "Variable"), ("SelectionRef", "PlainTextSelection")):
        assert {kinds[each.get("targetGUID")] for each in root.iter(f"{{{NS}}}{ref}")} == {kind}
    paths = [source.get("plainTextPath").removeprefix("internal://") for source in root.iter(f"{{{NS}}}TextSource")]
    assert sorted(parts) == sorted(["project.qde", *(f"sources/{path}" for path in paths)])


def test_positions_count_code_points_and_hold_the_words(sample, tmp_path):
    root, parts = project_of(write_qdpx(tmp_path / "voices.qdpx", sample))
    said = dict(zip(sample.frame["statement"], sample.frame["text"], strict=True))
    for source in root.iter(f"{{{NS}}}TextSource"):
        text = parts[f"sources/{source.get('plainTextPath').removeprefix('internal://')}"].decode("utf-8")
        assert not text.startswith("\ufeff")
        for selection in source.iter(f"{{{NS}}}PlainTextSelection"):
            start, end = int(selection.get("startPosition")), int(selection.get("endPosition"))
            assert text[start:end] == said[selection.get("name")]


def test_the_standards_own_example_counts_the_end_as_we_do(tmp_path):
    """Annex of REFI-QDA 1.5: a selection from 139 to 195 is named by its words."""
    words = "Oh, that was great. See you tomorrow? Eleven thirty. Mm."
    text = f"{'x' * 139}{words} And on."
    body = re.sub(r'startPosition="\d+" endPosition="\d+"', 'startPosition="139" endPosition="195"', foreign())
    assert read_qdpx(packed(tmp_path, body, text=text)).frame["text"].tolist() == [words]


@pytest.mark.parametrize(
    ("harm", "said"),
    [(lambda root: root.find(f".//{{{NS}}}Coding").attrib.pop("guid"), "lacks guid"),
     (lambda root: root.find(f".//{{{NS}}}Code").set("isCodable", "maybe"), "isCodable"),
     (lambda root: root.insert(9, root[0]), "children"),
     (lambda root: root.find(f".//{{{NS}}}User").set("guid", "7"), "guid='7'")],
)  # fmt: skip
def test_the_rules_see_what_breaks_them(sample, tmp_path, harm, said):
    root, _ = project_of(write_qdpx(tmp_path / "voices.qdpx", sample))
    harm(root)
    assert any(said in each for each in breaches(root))


def test_the_sample_comes_back_whole_and_is_the_same_bytes(sample, tmp_path):
    first = write_qdpx(tmp_path / "voices.qdpx", sample)
    back = read_qdpx(first)
    same(sample, back)
    assert back.source.name == "voices.qdpx"
    assert back.ledger.adds_up()
    again = write_qdpx(tmp_path / "other" / "voices.qdpx", back)
    assert again.read_bytes() == first.read_bytes()


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)
cells = st.sampled_from(["", "none", "payment", "付款买单; safety", "timeliness|payment", "交通"])
signs = st.sampled_from(["", "-1", "0", "1"])


@settings(max_examples=35, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["S1", "S 2", "<三>&\"'"]), st.sampled_from(["P1", "王", None, "P;2"]), words, cells, cells, signs,
                  signs, st.sampled_from(["yes", "no", None]), st.sampled_from(["demand", "现状", None]),
                  st.sampled_from(["business", None]), st.sampled_from([None, 1.5, -2.0])),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_whatever_was_said_comes_back(tmp_path_factory, rows):
    names = [
        "session",
        "speaker",
        "text",
        "codes_a",
        "codes_乙 b",
        "sentiment_a",
        "sentiment_乙 b",
        "suggestion",
        "aspect",
        "segment",
        "x",
    ]
    table = pd.DataFrame([(*row[:2], f"{k} {row[2]}", *row[3:]) for k, row in enumerate(rows)], columns=names)
    said = read_statements(table, personal_data="keep", faults="set aside")
    path = write_qdpx(tmp_path_factory.mktemp("q") / "p.qdpx", said)
    assert breaches(project_of(path)[0]) == []
    same(said, read_qdpx(path, personal_data="keep"))


def test_items_notes_and_own_codes_come_back(tmp_path):
    frame = CodeFrame("own", {"en": "Own", "zh": "自有"}, (Dimension("care", {"zh": "关怀"}),),
                      (Code("care", "care", {"en": "Care"}, {"en": "how they care", "zh": "关怀程度"}, "not politeness"),
                       Code("x.y", "care", {"zh": "其他"})), language="zh")  # fmt: skip
    said = read_statements(pd.DataFrame({"session": ["S"], "text": ["t"], "codes_a": ["care;x.y"]}), frame)
    same(said, read_qdpx(write_qdpx(tmp_path / "own.qdpx", said), language="zh"))


def test_bad_names_and_cells_are_refused(sample, tmp_path):
    with pytest.raises(SpecError, match=r"\.qdpx"):
        write_qdpx(tmp_path / "voices.zip", sample)
    table = pd.DataFrame({"session": ["S"], "text": ["t"], "when": [pd.Timestamp("2026-05-01")]})
    with pytest.raises(SpecError, match="when"):
        write_qdpx(tmp_path / "x.qdpx", read_statements(table))


# --- projects of others ------------------------------------------------------------------------------------

U1, U2, C1, C2, C3, S1, SEL, PIC = (f"0000000{k}-0000-4000-8000-00000000000A" for k in range(1, 9))
TEXT = "Mod: How was it?\r\nAnna: 排队 took forever 😀.\r\nBen: Fine."


def foreign(project=None, text=TEXT, extra="", selections="", codes=""):
    """A project as other programs write them: upper-case and braced guids, no origin of ours."""
    start = text.index("排队") if "排队" in text else 0
    end = start + len("排队 took forever 😀.")
    body = project if project is not None else f"""<?xml version="1.0" encoding="utf-8"?>
<Project xmlns="{NS}" name="Café" origin="Some QDA 3.2" creationDateTime="2026-01-01T00:00:00Z">
 <Users><User guid="{U1}" name="Ann"/><User guid="{U2}" name="Bo"/></Users>
 <CodeBook><Codes>
  <Code guid="{C1}" name="Service" isCodable="false"><Code guid="{C2}" name="Waiting; queue" isCodable="true" color="#FF0000"/></Code>
  <Code guid="{C3}" name="Mood" isCodable="true"><Description>how they feel</Description></Code>{codes}
 </Codes></CodeBook>
 <Cases><Case guid="10000000-0000-4000-8000-000000000001" name="Anna"><SelectionRef targetGUID="{SEL}"/></Case></Cases>
 <Sources>
  <TextSource guid="{S1}" name="group 1.txt" plainTextPath="internal://{S1}.txt">
   <PlainTextSelection guid="{SEL}" name="x" startPosition="{start}" endPosition="{end}" creatingUser="{U1}">
    <Coding guid="20000000-0000-4000-8000-000000000001" creatingUser="{U1}"><CodeRef targetGUID="{{{C2.lower()}}}"/></Coding>
   </PlainTextSelection>
   <PlainTextSelection guid="20000000-0000-4000-8000-000000000002" startPosition="{start}" endPosition="{end}" creatingUser="{U2}">
    <Coding guid="20000000-0000-4000-8000-000000000003"><CodeRef targetGUID="{C3}"/></Coding>
   </PlainTextSelection>{selections}
   <Coding guid="20000000-0000-4000-8000-000000000009"><CodeRef targetGUID="{C3}"/></Coding>
  </TextSource>
  <PictureSource guid="{PIC}" name="shop.jpg" path="internal://{PIC}.jpg"/>
 </Sources>{extra}
</Project>"""  # fmt: skip
    return body


def packed(tmp_path, body, text=TEXT, name="group.qdpx", parts=()):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.qde", body)
        archive.writestr(f"Sources/{S1}.txt", text.encode("utf-8-sig"))
        for part, content in parts:
            archive.writestr(part, content)
    return path


def test_a_project_of_another_program(tmp_path):
    said = read_qdpx(packed(tmp_path, foreign()))
    assert said.frame[["session", "speaker", "text"]].values.tolist() == [["group 1", "Anna", "排队 took forever 😀."]]
    assert said.coders == ("Ann", "Bo")
    given = sorted(said.codings[["coder", "code"]].values.tolist())
    assert given == [["Ann", "Service / Waiting, queue"], ["Bo", "Mood"]]
    assert [each.id for each in said.code_frame.dimensions] == ["Service", "codes"]
    assert said.code_frame.code("Service / Waiting, queue").label == {"en": "Waiting; queue"}
    assert "1 pictures" in said.remarks[0]["en"]
    assert "1 codings of whole sources" in said.remarks[1]["en"]


def test_its_codes_are_found_in_a_frame_of_our_own_or_named(tmp_path):
    frame = CodeFrame("own", {"en": "Own"}, (Dimension("d", {"en": "D"}),),
                      (Code("wait", "d", {"en": "Waiting; queue"}), Code("mood", "d", {"en": "Mood"})))  # fmt: skip
    assert set(read_qdpx(packed(tmp_path, foreign()), frame).codings["code"]) == {"wait", "mood"}
    with pytest.raises(DataError, match="'Mood'"):
        read_qdpx(packed(tmp_path, foreign()), CodeFrame("own", {"en": "Own"}, frame.dimensions, frame.codes[:1]))


def test_text_inside_the_xml_and_personal_data(tmp_path):
    body = foreign(text="排队 took forever 😀. Call 13812345678").replace(
        f'plainTextPath="internal://{S1}.txt">',
        ">\n<PlainTextContent>排队 took forever 😀. Call 13812345678</PlainTextContent>",
    )
    body = body.replace('endPosition="18"', 'endPosition="35"')
    said = read_qdpx(packed(tmp_path, body))
    assert (
        said.frame["text"].tolist() == ["排队 took forever 😀. Call [phone]"]
        or "13812345678" not in said.frame["text"][0]
    )


# --- hostile files -----------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
XXE = '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("head", [BOMB, XXE, "<!DOCTYPE p>", '<!DOCTYPE p SYSTEM "http://x.invalid/p.dtd">'])
def test_document_types_and_entities_are_refused(tmp_path, head):
    body = foreign().replace("<Project", f"{head}<Project", 1)
    with pytest.raises(DataError, match="document type"):
        read_qdpx(packed(tmp_path, body))


@pytest.mark.parametrize(
    "name", ["../evil.txt", "sources/../../evil.txt", "/etc/evil.txt", "C:/evil.txt", "..\\evil.txt", "\\evil.txt"]
)
def test_paths_that_leave_the_archive_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="leaves the archive"):
        read_qdpx(packed(tmp_path, foreign(), parts=[(name, "x")]))


def test_bombs_are_refused(tmp_path):
    with pytest.raises(DataError, match="unpack to"):
        read_qdpx(packed(tmp_path, foreign(), parts=[("sources/big.txt", b"0" * 40_000_000)]))
    deep = foreign(codes=f'<Code guid="{C1}" name="n" isCodable="true">' * 80 + "</Code>" * 80)
    with pytest.raises(DataError, match="deep"):
        read_qdpx(packed(tmp_path, deep))


def test_a_size_that_lies_is_not_believed(tmp_path):
    """The archive says that a part holds few bytes; reading it stops where it should end."""
    body = foreign().replace(f"internal://{S1}.txt", "internal://lie.txt")
    liar = packed(tmp_path, body, name="liar.qdpx", parts=[("sources/lie.txt", b"0" * 5_000)])
    liar.write_bytes(liar.read_bytes().replace(struct.pack("<L", 5_000), struct.pack("<L", 5)))
    with pytest.raises(DataError, match=r"damaged|in a text of"):
        read_qdpx(liar)


def test_twice_the_same_part_links_and_encryption_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = packed(tmp_path, foreign(), parts=[("project.qde", "<x/>")])
    with pytest.raises(DataError, match="twice"):
        read_qdpx(path)
    link = zipfile.ZipInfo("sources/link.txt")
    link.external_attr = 0o120777 << 16
    with pytest.raises(DataError, match="link"):
        read_qdpx(packed(tmp_path, foreign(), parts=[(link, "/etc/passwd")]))
    path = packed(tmp_path, foreign())
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="encrypted"):
        read_qdpx(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda body: body.replace("endPosition=\"", "endPosition=\"9"), "in a text of"),
     (lambda body: body.replace("startPosition=\"", "startPosition=\"-"), "in a text of"),
     (lambda body: body.replace(f"internal://{S1}.txt", "internal://absent.txt"), "not in the archive"),
     (lambda body: body.replace(f"internal://{S1}.txt", "internal://../../etc/passwd"), "not in the archive"),
     (lambda body: body.replace(f"internal://{S1}.txt", "absolute:///etc/passwd"), "not in the archive"),
     (lambda body: body.replace("</Project>", ""), "not valid XML"),
     (lambda body: body.replace(NS, "urn:other"), "not with a REFI-QDA"),
     (lambda body: re.sub("<PlainTextSelection.*?</PlainTextSelection>", "", body, flags=re.S), "no selection"),
     (lambda body: re.sub("<CodeBook>.*</CodeBook>", "", body, flags=re.S), "no codebook")],
)  # fmt: skip
def test_projects_that_cannot_be_read_say_why(tmp_path, change, said):
    with pytest.raises(DataError, match=said):
        read_qdpx(packed(tmp_path, change(foreign())))


def test_what_is_no_archive_says_so(tmp_path):
    (tmp_path / "x.qdpx").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"not a \.qdpx"):
        read_qdpx(tmp_path / "x.qdpx")
    with pytest.raises(DataError, match="cannot be read"):
        read_qdpx(tmp_path / "absent.qdpx")
    path = packed(tmp_path, foreign())
    whole = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x")
    (tmp_path / "empty.qdpx").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"0 \.qde"):
        read_qdpx(tmp_path / "empty.qdpx")
    at = whole.index(b"project.qde") + len("project.qde") + 40
    path.write_bytes(whole[:at] + b"\x00" * 30 + whole[at + 30 :])
    with pytest.raises(DataError, match="damaged"):
        read_qdpx(path)


@pytest.mark.parametrize(
    "told",
    ['{"order": [[1], {"a": 2}], "coders": 3, "title": [1], "code_frame": {}, "touchpoints": 5}', "[1, 2]", "not json", "[" * 5000,
     '{"coders": ["any", 7, null], "elements": "no such dimension"}'],
)  # fmt: skip
def test_a_file_that_says_it_is_ours_is_trusted_no_more(tmp_path, told):
    body = foreign(extra=f"<Description>{told}</Description>").replace("Some QDA 3.2", "servqual")
    body = body.replace('creatingUser="' + U1 + '">', 'creatingUser="' + U1 + '"><Description>{"coder": "x", "codes_b": "y", "text": []}</Description>', 1)  # fmt: skip
    body = body.replace('<PlainTextSelection guid="2', '<PlainTextSelection name="second" guid="2')
    body = body.replace('name="Ann"', 'name="any"') if "any" not in told else body
    try:
        said = read_qdpx(packed(tmp_path, body))
    except (DataError, SpecError):
        return
    assert said.n == 1
    assert set(said.frame.columns) == {
        "statement",
        "session",
        "speaker",
        "segment",
        "city",
        "language",
        "text",
        "suggestion",
        "aspect",
    }
