"""How do statements come from QualCoder, ATLAS.ti, NVivo or MAXQDA, and go back? REFI-QDA projects (.qdpx).

A project is a zip with ``project.qde`` (XML) and a flat folder ``sources``. One session is one text source, one statement one
selection in it, one coder one user, one speaker one case. What coders say besides the codes (sentiment, suggestion, demand
or present state, language, "no code applies") goes as codes of a branch of their own, so that nothing is lost on the way there and back.

Files of others are not trusted: no document type, no entities, no path that leaves the archive, no more than it should hold.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree as ET
from xml.parsers import expat

import numpy as np
import pandas as pd

from servqual.answers import label_key
from servqual.focus.code_frame import NONE, SEPARATORS, Code, CodeFrame
from servqual.focus.statements import HEADINGS, NAMELESS, RULES, SENTIMENTS, Statements, read_statements
from servqual.instruments import Dimension
from servqual.responses import Faults, PersonalDataRule
from survey_design.errors import DataError, SpecError
from survey_design.outputs import write_whole
from survey_design.results import Language, Text, say

NAMESPACE = "urn:QDA-XML:project:1.0"
ORIGIN = "servqual"

_SPACE = uuid.UUID("5f0c5b0e-6d0a-5c0e-9a55-7c6f1f3b7a10")  # names below it make the same guid everywhere
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_BRANCH = "servqual"  # the branch of codes that say what is no theme
_EXTRA: Mapping[str, Text] = {
    "sentiment.-1": SENTIMENTS[-1], "sentiment.0": SENTIMENTS[0], "sentiment.1": SENTIMENTS[1],
    "suggestion.yes": {"en": "suggestion", "zh": "建议"}, "suggestion.no": {"en": "no suggestion", "zh": "非建议"},
    "aspect.demand": {"en": "demand", "zh": "需求"}, "aspect.actual": {"en": "present state", "zh": "现状"},
    "language.en": {"en": "spoken in English", "zh": "英语"}, "language.zh": {"en": "spoken in Chinese", "zh": "中文"},
    "none": {"en": "no code applies", "zh": "无适用编码"},
}  # fmt: skip
_VARIABLES = ("session", "speaker", "segment", "city")
_OWN = ("statement", "session", "speaker", "segment", "city", "language", "text", "suggestion", "aspect")

_MOST_PARTS, _MOST_BYTES, _MOST_TIMES, _DEEPEST = 20_000, 256 * 2**20, 200, 60


# --- writing -----------------------------------------------------------------------------------------------


def write_qdpx(path: str | Path, statements: Statements, *, name: str = "") -> Path:
    """Statements, codes and codings as a REFI-QDA project, which QualCoder, ATLAS.ti, NVivo and MAXQDA open.

    Parameters
    ----------
    path : ends in .qdpx
    statements : Statements
    name : of the project; the file's name if not given

    Notes
    -----
    Positions count Unicode code points from 0; the end is the place after the last one, as in the standard's own example and in
    what the programs write. Guids are made from the content (UUID 5) and nothing tells the time: the same statements are the
    same bytes. Columns of the file beyond the usual ones go into the description of a selection.

    Raises
    ------
    SpecError
        If the name does not end in .qdpx, or a further column holds what has no text form.

    References
    ----------
    REFI-QDA Standard 1.5 (2019) and its schema Project.xsd of 18 March 2019, https://www.qdasoftware.org. Checked against that
    schema's rules (tests/test_qdpx.py).

    Examples
    --------
    >>> import tempfile
    >>> table = pd.DataFrame({"session": ["S1"], "text": ["等太久"], "codes_a": ["timeliness"], "codes_b": ["payment"]})
    >>> said = read_statements(table)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     back = read_qdpx(write_qdpx(Path(folder) / "voices.qdpx", said))
    >>> back.codings.equals(said.codings), back.frame["text"].tolist()
    (True, ['等太久'])
    """
    path = Path(path)
    if path.suffix.lower() != ".qdpx":
        raise SpecError(f"{path.name} does not end in .qdpx.")
    parts = dict(_Project(statements, name or path.stem).parts())
    try:
        expat.ParserCreate().Parse(parts["project.qde"], True)
    except expat.ExpatError as error:
        raise SpecError(f"a name or label holds a sign that XML can't hold ({error}). Look for control characters in ids, labels "
                        "and coders.") from error  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for part, content in parts.items():
            entry = zipfile.ZipInfo(part, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return write_whole(path, buffer.getvalue())


def _guid(*names: Any) -> str:
    return str(uuid.uuid5(_SPACE, json.dumps(names, ensure_ascii=False, default=str)))


class _Project:
    """The parts of a project, made from statements."""

    def __init__(self, statements: Statements, name: str) -> None:
        self.said, self.frame, self.name = statements, statements.frame, name
        self.users = list(dict.fromkeys([*statements.coders, *statements.readers, NAMELESS]))
        self.language = statements.language

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """(path in the archive, content)."""
        sources = {session: self._source(session) for session in self.said.sessions}
        root = ET.Element("Project", {"xmlns": NAMESPACE, "name": _line(self.name), "origin": ORIGIN})
        users = ET.SubElement(root, "Users")
        for user in self.users:
            ET.SubElement(users, "User", {"guid": _guid("user", user), "name": user})
        self._codes(ET.SubElement(ET.SubElement(root, "CodeBook"), "Codes"))
        self._variables(ET.SubElement(root, "Variables"))
        self._cases(ET.SubElement(root, "Cases"))
        root.append(ET.Element("Sources"))
        for session, (_, places) in sources.items():
            self._write_source(root[-1], session, places)
        ET.SubElement(root, "Description").text = json.dumps(
            {"code_frame": self.said.code_frame.name, "title": self.said.code_frame.title,
             "touchpoints": self.said.code_frame.touchpoints, "elements": self.said.code_frame.elements,
             "coders": list(self.said.coders), "order": self.frame["statement"].tolist()}, ensure_ascii=False)  # fmt: skip
        ET.indent(root)
        yield "project.qde", b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="utf-8") + b"\n"
        for session, (text, _) in sources.items():
            yield f"sources/{_guid('source file', session)}.txt", text.encode("utf-8")

    # -- codes, variables, cases

    def _codes(self, above: ET.Element) -> None:
        frame = self.said.code_frame
        for dimension in frame.dimensions:
            parent = self._code(
                above, ("dimension", dimension.id), dimension.label, {"id": dimension.id}, codable=False
            )
            for code in frame.codes_of(dimension.id):
                told = {"id": code.id, **{f"item.{key}": words for key, words in code.item.items()},
                        **({"note": code.note} if code.note else {})}  # fmt: skip
                self._code(parent, ("code", code.id), code.label, told)
        branch = self._code(
            above, ("branch", _BRANCH), {"en": "How it was said", "zh": "表述方式"}, {"id": _BRANCH}, codable=False
        )
        for key, label in _EXTRA.items():
            self._code(branch, ("extra", key), label, {"id": f"{_BRANCH}.{key}"})

    def _code(
        self, above: ET.Element, key: tuple[str, str], label: Text, told: Mapping[str, str], codable: bool = True
    ) -> ET.Element:
        kind = {True: "true", False: "false"}[codable]
        element = ET.SubElement(
            above, "Code", {"guid": _guid(*key), "name": _line(say(label, self.language)), "isCodable": kind}
        )
        words = {f"label.{language}": text for language, text in label.items()}
        ET.SubElement(element, "Description").text = "\n".join(
            f"{k} = {_line(v)}" for k, v in {**told, **words}.items()
        )
        return element

    def _variables(self, above: ET.Element) -> None:
        for name in _VARIABLES:
            ET.SubElement(above, "Variable", {"guid": _guid("variable", name), "name": name, "typeOfVariable": "Text"})

    def _cases(self, above: ET.Element) -> None:
        """A case for everybody who spoke, with what is known of them and what they said."""
        people = self.frame[list(_VARIABLES)].astype(object).where(self.frame[list(_VARIABLES)].notna(), None)
        keys = [tuple(row) for row in people.to_numpy().tolist()]
        spoken: dict[tuple[Any, ...], list[str]] = {}
        for key, name in zip(keys, self.frame["statement"], strict=True):
            spoken.setdefault(key, []).append(name)
        for key, statements in spoken.items():
            session, speaker = key[0], key[1]
            case = ET.SubElement(above, "Case", {"guid": _guid("case", *key), "name": f"{session} {speaker or '?'}"})
            for name, value in zip(_VARIABLES, key, strict=True):
                if value is not None:
                    held = ET.SubElement(case, "VariableValue")
                    ET.SubElement(held, "VariableRef", {"targetGUID": _guid("variable", name)})
                    ET.SubElement(held, "TextValue").text = str(value)
            for statement in statements:
                ET.SubElement(case, "SelectionRef", {"targetGUID": _guid("selection", statement)})

    # -- sources

    def _source(self, session: str) -> tuple[str, list[tuple[int, int, int]]]:
        """The text of a session, and (row, start, end) of each statement in it."""
        text, places = "", []
        for k in np.flatnonzero((self.frame["session"] == session).to_numpy()).tolist():
            text += f"{self.frame['speaker'][k] or '?'}: "
            start = len(text)
            text += self.frame["text"][k]
            places.append((k, start, len(text)))
            text += "\n\n"
        return text, places

    def _write_source(self, above: ET.Element, session: str, places: Sequence[tuple[int, int, int]]) -> None:
        source = ET.SubElement(above, "TextSource", {
            "guid": _guid("source", session), "name": session, "plainTextPath": f"internal://{_guid('source file', session)}.txt",
        })  # fmt: skip
        for k, start, end in places:
            name = self.frame["statement"][k]
            selection = ET.SubElement(source, "PlainTextSelection", {
                "guid": _guid("selection", name), "name": name, "startPosition": str(start), "endPosition": str(end),
            })  # fmt: skip
            further = {
                column: _plain_value(self.frame[column][k], column)
                for column in map(str, self.frame.columns)
                if column not in _OWN
            }
            if further:
                ET.SubElement(selection, "Description").text = json.dumps(further, ensure_ascii=False)
            for user, *code in self._given(k):
                coding = ET.SubElement(selection, "Coding",
                                       {"guid": _guid("coding", name, user, *code), "creatingUser": _guid("user", user)})  # fmt: skip
                ET.SubElement(coding, "CodeRef", {"targetGUID": _guid(*code)})

    def _given(self, k: int) -> Iterator[tuple[str, str, str]]:
        """(user, kind, key) of every code of a statement, those of the statement itself last."""
        said = self.said
        for j, coder in enumerate(said.coders):
            codes = [said.code_frame.codes[c].id for c in np.flatnonzero(said.votes[k, :, j])]
            yield from ((coder, "code", code) for code in codes)
            if said.judged[k, j] and not codes:
                yield coder, "extra", "none"
            if np.isfinite(said.sentiments[k, j]):
                yield coder, "extra", f"sentiment.{said.sentiments[k, j]:.0f}"
        for j, reader in enumerate(said.readers, start=len(said.coders)):
            if np.isfinite(said.sentiments[k, j]):
                yield reader, "extra", f"sentiment.{said.sentiments[k, j]:.0f}"
        row = self.frame.iloc[k]
        if row["suggestion"] is not None and row["suggestion"] == row["suggestion"]:
            yield NAMELESS, "extra", f"suggestion.{'yes' if row['suggestion'] else 'no'}"
        for name in ("aspect", "language"):
            if isinstance(row[name], str):
                yield NAMELESS, "extra", f"{name}.{row[name]}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain_value(value: Any, column: str) -> Any:
    """A cell of a further column as JSON knows it."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, (str, int, float, bool)):
        return value
    raise SpecError(
        f"column '{column}' holds {value!r}, which has no plain text form. Turn it into text or numbers, or leave it out."
    )


# --- reading -----------------------------------------------------------------------------------------------


def read_qdpx(
    path: str | Path,
    code_frame: CodeFrame | None = None,
    *,
    personal_data: PersonalDataRule = "mask",
    faults: Faults = "raise",
    language: Language = "en",
) -> Statements:
    """Statements from a REFI-QDA project of QualCoder, ATLAS.ti, NVivo, MAXQDA or this toolkit.

    Parameters
    ----------
    path : .qdpx
    code_frame : codes to read it with; by default the project's own codebook, its top level as dimensions. Codes are found by
        their guid, id or label
    personal_data, faults : as in :func:`~servqual.focus.statements.read_statements`
    language : in which results show themselves, where the project's own codebook is taken

    Notes
    -----
    A selection of text is a statement, a source a session, a case that a selection or source belongs to its speaker; selections
    of the same place are one. Segment and city are read from variables of these names (客户细分, 城市). Pictures, sound, video,
    PDF and codings of whole sources are left out; ``remarks`` says how many.

    Raises
    ------
    DataError
        If the file is damaged or hostile (a document type or entity, a path that leaves the archive, too many or too large
        parts), a selection lies outside its text, or no statement is found.

    References
    ----------
    REFI-QDA Standard 1.5 (2019).
    """
    with _opened(Path(path)) as packed:
        archive = _Archive(Path(path).name, packed)
        archive.check()
        found = _Found(archive, _parsed(archive.project(), archive.name))
        table, remarks = found.table(code_frame, language)
    statements = read_statements(table, found.codes, personal_data=personal_data, faults=faults)
    return found.finished(statements, remarks)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise DataError(
            f"{path.name} cannot be read: {error.strerror or error}. Check the name and the folder."
        ) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{path.name} is not a .qdpx project ({error}). Export it again.") from error


@dataclass(frozen=True)
class _Archive:
    """A zip whose parts were looked at before any was unpacked."""

    name: str
    packed: zipfile.ZipFile = field(repr=False)

    def check(self) -> None:
        """Refuse what a project does not need."""
        parts = self.packed.infolist()
        if len(parts) > _MOST_PARTS:
            self._refuse(f"it holds {len(parts):,} parts")
        seen: set[str] = set()
        for part in parts:
            name = part.filename
            steps = name.replace("\\", "/").split("/")
            if name.startswith(("/", "\\")) or ".." in steps or ":" in steps[0] or "\x00" in name:
                self._refuse(f"the path {name[:60]!r} leaves the archive")
            if name.casefold() in seen:
                self._refuse(f"it holds {name[:60]!r} twice")
            seen.add(name.casefold())
            if part.flag_bits & 1:
                self._refuse(f"{name[:60]!r} is encrypted")
            if (part.external_attr >> 16) & 0o170000 == 0o120000:
                self._refuse(f"{name[:60]!r} is a link")
        wanted = [
            part for part in parts if part.filename.lower().endswith((".qde", ".txt"))
        ]  # nothing else is unpacked
        total = sum(part.file_size for part in wanted)
        packed = sum(part.compress_size for part in wanted)
        if total > _MOST_BYTES or total > _MOST_TIMES * max(packed, 2**16):
            self._refuse(f"its texts would unpack to {total / 2**20:,.0f} MB")

    def _refuse(self, why: str) -> NoReturn:
        raise DataError(f"{self.name} is refused: {why}. A REFI-QDA project does not need that; export it again.")

    def project(self) -> bytes:
        """The XML of the project."""
        names = [name for name in self.packed.namelist() if name.lower().endswith(".qde")]
        if len(names) != 1:
            raise DataError(
                f"{self.name} holds {len(names)} .qde files where a REFI-QDA project has one. Export it again."
            )
        return self._read(names[0])

    def text(self, internal: str) -> str:
        """A plain text source."""
        wanted = f"sources/{internal.removeprefix('internal://').lstrip('/')}".casefold()
        name = next((each for each in self.packed.namelist() if each.replace("\\", "/").casefold() == wanted), None)
        if name is None or not wanted.endswith(".txt"):
            raise DataError(
                f"{self.name}: the text source {internal[:80]!r} is not in the archive. Export it with its sources."
            )
        try:
            return self._read(name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.name}: {name} is not UTF-8 (byte {error.start}). Export it again.") from error

    def _read(self, name: str) -> bytes:
        try:
            with self.packed.open(name) as part:
                content = part.read(_MOST_BYTES + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
            EOFError,
            OSError,
            ValueError,
        ) as error:
            raise DataError(f"{self.name}: {name} is damaged ({error}). Export it again.") from error
        if len(content) > _MOST_BYTES:
            self._refuse(f"{name[:60]!r} unpacks to more than {_MOST_BYTES // 2**20} MB")
        return content


def _parsed(content: bytes, name: str) -> ET.Element:
    """The XML as a tree, after a look that refuses document types, entities and depth."""

    def refuse(*_: Any) -> NoReturn:
        raise DataError(f"{name} is refused: its XML declares a document type or entities. REFI-QDA needs none.")

    depth = 0

    def opened(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise DataError(f"{name} is refused: its XML is nested more than {_DEEPEST} deep.")

    def closed(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    try:
        parser.Parse(content, True)
        root = ET.fromstring(content)
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{name}: project.qde is not valid XML ({error}). Export it again.") from error
    if root.tag != f"{{{NAMESPACE}}}Project":
        raise DataError(f"{name}: project.qde begins with {root.tag[:80]!r}, not with a REFI-QDA 1.0 Project.")
    return root


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _key(guid: str | None) -> str:
    """A guid in one spelling."""
    return (guid or "").strip().strip("{}").lower()


class _Found:
    """What a project's XML holds, on its way to statements."""

    def __init__(self, archive: _Archive, root: ET.Element) -> None:
        self.archive, self.root = archive, root
        self.ours = root.get("origin") == ORIGIN
        self.told: dict[str, Any] = self._own_description()
        self.users = {_key(user.get("guid")): _user_name(user) for user in root.iter(_tag("User"))}
        self.codes: CodeFrame
        self.loose = ""  # the dimension of codes that stand in none
        self.lost = 0  # codings with a code that the codebook does not have

    def _own_description(self) -> dict[str, Any]:
        """What :func:`write_qdpx` told of the project: lists of texts and texts, whatever else stands there is passed over."""
        told = self._told(self.root)
        texts = {key: told[key] for key in ("code_frame", "touchpoints", "elements") if isinstance(told.get(key), str)}
        lists = {key: [each for each in told[key] if isinstance(each, str)] for key in ("coders", "order")
                 if isinstance(told.get(key), list)}  # fmt: skip
        title = told.get("title")
        words = {key: text for key, text in title.items() if isinstance(text, str)} if isinstance(title, dict) else {}
        return {**texts, **lists, "title": words}

    def _told(self, element: ET.Element) -> dict[str, Any]:
        """The JSON of a description of ours."""
        described = element.find(_tag("Description"))
        if not self.ours or described is None:
            return {}
        try:
            told = json.loads(described.text or "{}")
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}

    # -- codes

    def codebook(self, wanted: CodeFrame | None, language: Language) -> dict[str, str]:
        """guid -> id of a code, or "servqual.…" for what is no theme."""
        dimensions: list[Dimension] = []
        taken: dict[str, set[str]] = {"dimension": set(), "code": set()}
        codes: list[Code] = []
        place: dict[str, str] = {}

        def visit(element: ET.Element, above: tuple[str, ...], dimension: str) -> None:
            described = _described(element)
            name = _clean(described.get("id") or " / ".join((*above, element.get("name") or "?")))
            guid, children = _key(element.get("guid")), element.findall(_tag("Code"))
            if name == _BRANCH or name.startswith(f"{_BRANCH}."):
                place[guid] = name
            elif not above and (children or element.get("isCodable") == "false"):
                dimension = _free(name, taken["dimension"])
                dimensions.append(Dimension(dimension, _label(described, element)))
            codable = element.get("isCodable") != "false" and guid not in place
            if codable:
                home = dimension or self.loose
                if not home:
                    home = self.loose = _free("codes", taken["dimension"])
                    dimensions.append(Dimension(home, {"en": "Codes", "zh": "编码"}))
                place[guid] = _free(name, taken["code"])
                item = {key[5:]: words for key, words in described.items() if key.startswith("item.")}
                codes.append(Code(place[guid], home, _label(described, element), item, described.get("note", "")))
            for child in children:
                visit(child, (*above, element.get("name") or "?"), dimension)

        for top in self.root.iterfind(f"{_tag('CodeBook')}/{_tag('Codes')}/{_tag('Code')}"):
            visit(top, (), "")
        if wanted is not None:
            self.codes = wanted
            return {
                guid: name if name.split(".")[0] == _BRANCH else self._match(name, codes, wanted)
                for guid, name in place.items()
            }
        if not codes:
            raise DataError(
                f"{self.archive.name} has no codebook. Export the project with its codes, or give code_frame=."
            )
        used = {code.dimension for code in codes}
        name = self.told.get("code_frame") or Path(self.archive.name).stem
        title = self.told.get("title")
        known = {each.id for each in dimensions if each.id in used}
        grid = {key: self.told.get(key, "") for key in ("touchpoints", "elements")}
        grid = grid if all(value in known for value in grid.values()) else {"touchpoints": "", "elements": ""}
        self.codes = CodeFrame(
            name, title or {"en": name},
            tuple(each for each in dimensions if each.id in used), tuple(codes), **grid, language=language,
        )  # fmt: skip
        return place

    def _match(self, name: str, codes: Sequence[Code], wanted: CodeFrame) -> str:
        """The code of the wanted frame, found by id or label; the project's own id where there is none, which is then a fault."""
        spellings, label = wanted.spellings(), next(code.label for code in codes if code.id == name)
        hits = [spellings.get(label_key(words)) for words in (name, *label.values())]
        return next((hit for hit in hits if hit), name)

    # -- statements

    def table(self, wanted: CodeFrame | None, language: Language) -> tuple[pd.DataFrame, list[Text]]:
        """One row per statement and coder, for :func:`read_statements`; and what was left out."""
        place = self.codebook(wanted, language)
        cases = self._cases()
        rows: dict[tuple[str, int, int], dict[str, Any]] = {}
        names: set[str] = set()
        for source in self.root.iterfind(f"{_tag('Sources')}/{_tag('TextSource')}"):
            session = source.get("name") or _key(source.get("guid"))
            session = session if self.ours else _free(_clean(session.removesuffix(".txt").removesuffix(".docx")), names)
            text = self._text(source)
            for selection in source.iterfind(_tag("PlainTextSelection")):
                start, end = self._span(selection, text, session)
                row = rows.setdefault((session, start, end), {
                    "statement": selection.get("name") if self.ours else f"{session}:{start}-{end}",
                    "session": session, "text": text[start:end], "codings": [],
                    **cases.get(_key(source.get("guid")), {}), **cases.get(_key(selection.get("guid")), {}),
                    "further": self._further(selection),
                })  # fmt: skip
                for coding in selection.iterfind(_tag("Coding")):
                    code = place.get(self._code_of(coding), "")
                    self.lost += not code
                    row["codings"] += [(self._user(coding, selection, source), code)] if code else []
        if not rows:
            raise DataError(f"{self.archive.name} holds no selection of text: nothing was coded in it.")
        return self._lines(list(rows.values())), self._left_out()

    def _text(self, source: ET.Element) -> str:
        inline = source.find(_tag("PlainTextContent"))
        if inline is not None:
            return inline.text or ""
        return self.archive.text(source.get("plainTextPath") or "")

    def _span(self, selection: ET.Element, text: str, session: str) -> tuple[int, int]:
        try:
            start, end = (int(selection.get(name) or "") for name in ("startPosition", "endPosition"))
        except ValueError:
            start, end = -1, -1
        if not 0 <= start <= end <= len(text):
            raise DataError(f"{self.archive.name}: selection {selection.get('name')!r} of {session!r} lies at "
                            f"{selection.get('startPosition')} to {selection.get('endPosition')} in a text of {len(text)} signs. "
                            "Export the project again.")  # fmt: skip
        return start, end

    def _user(self, *elements: ET.Element) -> str:
        guid = next((each.get("creatingUser") for each in elements if each.get("creatingUser")), None)
        return self.users.get(_key(guid), NAMELESS)

    @staticmethod
    def _code_of(coding: ET.Element) -> str:
        reference = coding.find(_tag("CodeRef"))
        return "" if reference is None else _key(reference.get("targetGUID"))

    def _further(self, selection: ET.Element) -> dict[str, Any]:
        """Further columns: plain values under names that mean nothing else here."""
        told = self._told(selection)
        return {key: value for key, value in told.items() if key not in HEADINGS and not key.startswith(("codes_", "sentiment_"))
                and (value is None or isinstance(value, (str, int, float, bool)))}  # fmt: skip

    def _cases(self) -> dict[str, dict[str, str]]:
        """guid of a selection or source -> what is known of its speaker."""
        usual = {
            "session": "session",
            "speaker": "speaker",
            "segment": "segment",
            "客户细分": "segment",
            "city": "city",
            "城市": "city",
        }
        variables = {_key(each.get("guid")): usual.get((each.get("name") or "").strip().casefold(), "")
                     for each in self.root.iter(_tag("Variable"))}  # fmt: skip
        found: dict[str, dict[str, str]] = {}
        for case in self.root.iter(_tag("Case")):
            known = {} if self.ours else {"speaker": _clean(case.get("name") or "")}
            for held in case.iterfind(_tag("VariableValue")):
                reference = held.find(_tag("VariableRef"))
                name = variables.get(_key(None if reference is None else reference.get("targetGUID")), "")
                value = next((each.text for each in held if each is not reference and each.text), "")
                if name and name != "session" and value:
                    known[name] = value
            for reference in (*case.iterfind(_tag("SelectionRef")), *case.iterfind(_tag("SourceRef"))):
                found.setdefault(_key(reference.get("targetGUID")), {}).update(known)
        return found

    def _lines(self, rows: list[dict[str, Any]]) -> pd.DataFrame:
        """A wide table, in the order in which it was written where that is told."""
        order = {name: k for k, name in enumerate(self.told.get("order", []))} if self.ours else {}
        rows = sorted(rows, key=lambda row: order.get(row["statement"], len(order)))
        given = [user for row in rows for user, code in row["codings"] if not _of_statement(code)]
        told = self.told.get("coders")  # in our own projects others may have said only how a statement is meant
        sign = f"{_BRANCH}.sentiment."
        coded = [user for row in rows for user, code in row["codings"]
                 if not _of_statement(code) and not (self.ours and code.startswith(sign))]  # fmt: skip
        coders = list(dict.fromkeys([*(told or []), *coded])) or ([NAMELESS] if told is None else [])
        lines = []
        for row in rows:
            line = {name: row.get(name) for name in ("statement", "session", "speaker", "segment", "city", "text")}
            extras = [code.removeprefix(f"{_BRANCH}.") for _, code in row["codings"] if _of_statement(code)]
            line |= {key: value for key, _, value in (extra.partition(".") for extra in extras)}
            for coder in dict.fromkeys([*coders, *given]):
                mine = list(
                    dict.fromkeys(code for user, code in row["codings"] if user == coder and not _of_statement(code))
                )
                codes = [code for code in mine if not code.startswith(f"{_BRANCH}.")]
                if coder in coders:
                    line[f"codes_{coder}"] = ";".join(codes) or ("none" if f"{_BRANCH}.none" in mine else "")
                signs = [code.rsplit(".", 1)[-1] for code in mine if code.startswith(sign)]
                line[f"sentiment_{coder}"] = signs[0] if signs else ""
            lines.append({**line, **{key: value for key, value in row["further"].items() if key not in line}})
        return pd.DataFrame(lines)

    def _left_out(self) -> list[Text]:
        counts = {
            ("pictures, sound, video or PDF", "图片、音视频或 PDF 资料"): sum(
                len(self.root.findall(f"{_tag('Sources')}/{_tag(kind)}")) for kind in ("PictureSource", "PDFSource", "AudioSource", "VideoSource")),
            ("codings with a code that the codebook lacks", "编码表中没有的编码"): self.lost,
            ("codings of whole sources", "对整份资料的编码"): len(self.root.findall(f"{_tag('Sources')}/{_tag('TextSource')}/{_tag('Coding')}")),
        }  # fmt: skip
        return [{"en": f"{n} {en} not read.", "zh": f"{n} 项{zh}未读取。"} for (en, zh), n in counts.items() if n]

    def finished(self, statements: Statements, remarks: Sequence[Text]) -> Statements:
        """With the file's name in the ledger, and what was left out."""
        source = replace(statements.source, name=self.archive.name)
        ledger = replace(statements.ledger, source_name=self.archive.name)
        return replace(statements, source=source, ledger=ledger, remarks=tuple(remarks))


def _user_name(user: ET.Element) -> str:
    """A coder's name on one line, which is no rule of counting."""
    name = _line(user.get("name") or user.get("id") or "") or _key(user.get("guid"))[:8]
    return f"{name} (coder)" if name in RULES else name


def _of_statement(code: str) -> bool:
    """True for what is said of a statement and not by a coder."""
    return code.startswith(tuple(f"{_BRANCH}.{name}." for name in ("suggestion", "aspect", "language")))


def _described(element: ET.Element) -> dict[str, str]:
    """``key = value`` lines of a code's description, where it is ours."""
    text = element.findtext(_tag("Description")) or ""
    pairs = [line.partition(" = ") for line in text.split("\n")]
    told = {key.strip(): value.strip() for key, sign, value in pairs if sign and value.strip()}
    return told if "id" in told and any(key.startswith("label.") for key in told) else {}


def _label(described: Mapping[str, str], element: ET.Element) -> Text:
    words = {language: described[f"label.{language}"] for language in ("en", "zh") if f"label.{language}" in described}
    return words or {"en": _line(element.get("name") or "?")}


def _clean(name: str) -> str:
    """A name as an id: on one line, without what separates codes in a cell."""
    return " ".join(name.translate({ord(sign): "," for sign in SEPARATORS}).split()) or "?"


def _free(name: str, taken: set[str]) -> str:
    """The name, or with a number where it is taken; it is taken from then on."""
    k, free = 2, name
    while label_key(free) in taken or label_key(free) in NONE:
        free, k = f"{name} {k}", k + 1
    taken.add(label_key(free))
    return free
