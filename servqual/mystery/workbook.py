"""How is a checklist kept in Excel? Two sheets, indicators and items, read with the same care as a TOML file."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from servqual.answers import label_key, number_of, plain_id, text_of
from servqual.mystery.checklist import Checklist, ChecklistItem
from servqual.mystery.checklist_files import as_checklist
from servqual.mystery.faults import ITEM_EVIDENCE, REACHES, VISIT_EVIDENCE, Fault
from servqual.mystery.visit_words import NO, YES
from survey_design.errors import check_choice, missing_extra
from survey_design.files.table import read_table, sheet_names
from survey_design.forms.archive import settled
from survey_design.outputs import write_whole
from survey_design.results import Language, say

# Sheets and columns, and what they are called in Chinese; both are read.
SHEETS: Final[Mapping[str, str]] = {"checklist": "检查表", "indicators": "指标", "items": "检查项"}
HEAD_COLUMNS: Final[Mapping[str, str]] = {"key": "项目", "value": "内容"}
HEAD_KEYS: Final[Mapping[str, str]] = {
    "id": "编号",
    "version": "版本",
    "title_en": "标题（英文）",
    "title_zh": "标题（中文）",
    "source": "来源",
    "valid_from": "生效日期",
    "valid_to": "失效日期",
    "veto_rule": "否决规则",
    "rebase": "不适用项处理",
    "languages": "语言",
    "not_applicable": "不适用代码",
    "evidence_minutes": "证据：分钟",
    "evidence_photos": "证据：照片数",
    "evidence_recordings": "证据：录音数",
    "evidence_characters": "证据：字数",
}
INDICATOR_COLUMNS: Final[Mapping[str, str]] = {
    "category": "类别编号",
    "category_en": "类别（英文）",
    "category_zh": "类别（中文）",
    "category_weight": "类别权重",
    "module": "可选模块",
    "id": "指标编号",
    "label_en": "指标（英文）",
    "label_zh": "指标（中文）",
    "weight": "类别内权重",
    "themes": "主题",
}
ITEM_COLUMNS: Final[Mapping[str, str]] = {
    "id": "检查项编号",
    "indicator": "指标编号",
    "label_en": "简称（英文）",
    "label_zh": "简称（中文）",
    "text_en": "检查内容（英文）",
    "text_zh": "检查内容（中文）",
    "type": "题型",
    "points": "分值",
    "veto": "一票否决",
    "levels": "等级得分",
    "levels_en": "等级（英文）",
    "levels_zh": "等级（中文）",
    "limit": "满分上限",
    "zero_at": "零分起点",
    "target": "目标数",
    "maximum": "最大值",
    "unit_en": "单位（英文）",
    "unit_zh": "单位（中文）",
    "cap_indicator": "指标封顶",
    "cap_category": "类别封顶",
    "cap_visit": "总分封顶",
    "evidence_photos": "证据：照片数",
    "evidence_recordings": "证据：录音数",
    "evidence_characters": "证据：字数",
    "hint_en": "提示（英文）",
    "hint_zh": "提示（中文）",
}
_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("是非", "是非题", "是否", "是否题", "yes/no"), "yes_no"),
    **dict.fromkeys(("分级", "分级题", "评分", "评分题"), "graded"),
    **dict.fromkeys(("计时", "计时题"), "timed"),
    **dict.fromkeys(("计数", "计数题"), "counted"),
}
_RULES: Final[Mapping[str, Mapping[str, str]]] = {
    "veto_rule": {"指标": "indicator", "类别": "category", "总分": "visit", "访问": "visit", "整次访问": "visit"},
    "rebase": {"整体": "overall", "全部指标": "overall", "类别内": "within"},
}
_NUMBERS = ("points", "limit", "zero_at", "target", "maximum")
Row = Mapping[str, Any]
_WORDS = ("label", "text", "unit", "hint")


def read_checklist_workbook(path: str | Path) -> Checklist:
    """A checklist from an Excel workbook.

    The sheet ``indicators`` has a row per indicator with its category, whose words and weight stand in the first row of
    the category or in all of them alike; ``items`` has a row per item. A sheet ``checklist`` with the columns ``key`` and
    ``value`` may hold id, version, title, dates and rules; without it the file's name is the id. Without a row ``languages``
    a workbook with words in one language alone is in that language. Levels of graded items stand in one cell, a line each
    or with "；" between: "2 = 1.0" in ``levels``, "2 = all correct" in ``levels_en``.

    Raises
    ------
    SpecError
        If it can't be used as written; the message lists every fault with its sheet and row.
    DataError
        If the file or one of the two sheets can't be read.
    """
    path = Path(path)
    found: list[Fault] = []
    places: dict[tuple[str, int], str] = {}
    content = _head(path, found)
    indicators = _sheet(path, "indicators", INDICATOR_COLUMNS, found)
    found += _merged(indicators)
    content["categories"] = _categories(indicators, places, found, _named("indicators", sheet_names(path)))
    content["indicators"] = [_indicator(row) for _, row in indicators]
    there = sheet_names(path)
    places |= {
        ("indicator", k): f"sheet '{_named('indicators', there)}', row {row}" for k, (row, _) in enumerate(indicators)
    }
    items = _sheet(path, "items", ITEM_COLUMNS, found)
    content["items"] = [_item(k, row, found) for k, (_, row) in enumerate(items)]
    places |= {("item", k): f"sheet '{_named('items', there)}', row {row}" for k, (row, _) in enumerate(items)}
    found += _without_points(items)
    languages = _languages([row for _, row in (*indicators, *items)])
    return as_checklist({**languages, **content}, path.name, places, found, lambda fault: _told(fault, there))


def _named(sheet: str, there: Sequence[str]) -> str:
    """What a sheet is called in this workbook, or would be: in Chinese where others are."""
    chinese = any(name in there for name in SHEETS.values())
    return SHEETS[sheet] if SHEETS[sheet] in there or (chinese and sheet not in there) else sheet


def _languages(rows: Sequence[Row]) -> dict[str, Any]:
    """The one language in which there are words; nothing where there are words in both."""
    used = {key[-2:] for row in rows for key in row if key.endswith(("_en", "_zh"))}
    return {"languages": sorted(used)} if len(used) == 1 else {}


def _merged(rows: Sequence[tuple[int, Row]]) -> list[Fault]:
    """Indicators without a category below one that has it: what merged cells leave."""
    problem = "it is empty; a merged cell speaks for its first row only: write the category in every row"
    return [Fault("indicator", k, _plain(row.get("id", "")), "category", problem)
            for k, (_, row) in enumerate(rows) if k and "category" not in row]  # fmt: skip


def _without_points(rows: Sequence[tuple[int, Row]]) -> list[Fault]:
    """Items without points where others have them; where none has, each counts for one."""
    if not any("points" in row for _, row in rows):
        return []
    problem = "it is empty, while other items have points; write a number, such as 1"
    return [Fault("item", k, _plain(row.get("id", "")), "points", problem)
            for k, (_, row) in enumerate(rows) if "points" not in row]  # fmt: skip


def _told(fault: Fault, there: Sequence[str]) -> Fault:
    """A fault with the heading that its column has in a workbook of Chinese sheets, and the row that tells the languages."""
    sheet = {"item": "items", "checklist": "checklist"}.get(fault.kind, "indicators")
    sheet = "indicators" if fault.key == "weight of categories" else sheet
    head = _named("checklist", there)
    row = "languages" if head == "checklist" else HEAD_KEYS["languages"]
    problem = fault.problem.replace("out of languages", f"out of the row {row} on sheet '{head}'")
    key = fault.key
    if _named(sheet, there) == SHEETS[sheet]:
        columns = {"checklist": HEAD_KEYS, "indicators": INDICATOR_COLUMNS, "items": ITEM_COLUMNS}[sheet]
        own = _KEYS.get((fault.kind, key), key.replace(".", "_"))
        own = f"levels_{key[-2:]}" if key.startswith("levels ") and key[-3:] in (".en", ".zh") else own
        key = columns.get(own, key)
    return replace(fault, key=key, problem=problem)


_KEYS: Final[Mapping[tuple[str, str], str]] = {
    ("checklist", "weight of categories"): "category_weight",
    ("category", "weight of its indicators"): "weight",
    ("category", "weight"): "category_weight",
    ("category", "label.en"): "category_en",
    ("category", "label.zh"): "category_zh",
    ("category", "id"): "category",
}


def _sheet(path: Path, sheet: str, columns: Mapping[str, str], found: list[Fault]) -> list[tuple[int, Row]]:
    """The rows of a sheet under our names, each with its place in the file; blank rows are passed by."""
    frame, rows = _read(path, sheet)
    named = {label_key(zh): name for name, zh in columns.items()} | {name: name for name in columns}
    known = {column: named[label_key(column)] for column in frame.columns if label_key(column) in named}
    for column in frame.columns:
        if column not in known:
            called = _named(sheet, sheet_names(path))
            usual = columns.values() if called != sheet else columns
            problem = f"the column isn't known; use {', '.join(usual)}"
            found.append(Fault("checklist", -1, "", f"sheet '{called}', '{column}'", problem))
    cells = frame[list(known)].rename(columns=known).to_dict("records")
    return [(row, {str(name): value for name, value in record.items() if text_of(value)})
            for row, record in zip(rows, cells, strict=True) if any(map(text_of, record.values()))]  # fmt: skip


def _read(path: Path, sheet: str) -> tuple[pd.DataFrame, list[int]]:
    """A sheet by its English or its Chinese name."""
    frame, source = read_table(path, sheet=_named(sheet, sheet_names(path)))
    return frame, [int(row) for row in source.rows]


def _head(path: Path, found: list[Fault]) -> dict[str, Any]:
    """Id, version, title and rules; the file's name where no sheet tells them."""
    content: dict[str, Any] = {"id": path.stem, "version": "1", "title": {"en": path.stem, "zh": path.stem}}
    if not {"checklist", SHEETS["checklist"]} & set(sheet_names(path)):
        return content
    keys = {label_key(zh): name for name, zh in HEAD_KEYS.items()} | {name: name for name in HEAD_KEYS}
    told: dict[str, Any] = {}
    for row, cells in _sheet(path, "checklist", HEAD_COLUMNS, found):
        key = keys.get(label_key(cells.get("key")))
        if key is None:
            called = _named("checklist", sheet_names(path))
            usual = HEAD_KEYS.values() if called == SHEETS["checklist"] else HEAD_KEYS
            problem = f"it isn't known; use {', '.join(usual)}"
            found.append(Fault("checklist", -1, "", f"sheet '{called}', row {row}, {cells.get('key')!r}", problem))
        elif "value" in cells:
            told[key] = cells["value"]
    content |= {key: _plain(told[key]) for key in ("id", "source") if key in told}
    content |= {key: words.get(_plain(told[key]), _plain(told[key])) for key, words in _RULES.items() if key in told}
    if "version" in told:  # "1.0" typed as a text is another version than 1
        version = told["version"]
        content["version"] = version.strip() if isinstance(version, str) else _plain(version)
    content |= {key: _day(told[key]) for key in ("valid_from", "valid_to") if key in told}
    content |= {key: _list(told[key]) for key in ("languages", "not_applicable") if key in told}
    evidence = _amounts(told, "evidence", VISIT_EVIDENCE)
    titles = _words(told, "title")
    return content | ({"title": titles} if titles else {}) | ({"evidence": evidence} if evidence else {})


def _categories(
    rows: Sequence[tuple[int, Row]], places: dict[tuple[str, int], str], found: list[Fault], sheet: str
) -> list[dict[str, Any]]:
    """The categories in the order of their first rows; what later rows say otherwise is a fault."""
    held: dict[str, dict[str, Any]] = {}
    for row, cells in rows:
        if "category" not in cells:
            continue
        name = _plain(cells["category"])
        said = {"label": _words(cells, "category"), **({"weight": _share(cells["category_weight"])}
                if "category_weight" in cells else {}), "module": _plain(cells.get("module", ""))}  # fmt: skip
        said = {key: value for key, value in said.items() if value not in ("", {})}
        if name not in held:
            places["category", len(held)] = f"sheet '{sheet}', row {row}, category"
            held[name] = {"id": name, **said}
        for key, value in said.items():
            if held[name].get(key) != value:
                at = list(held).index(name)
                problem = (
                    f"row {row} says {value!r}, the first row of the category {held[name].get(key)!r}; make them agree"
                )
                found.append(Fault("category", at, name, key, problem))
    return list(held.values())


def _indicator(row: Row) -> dict[str, Any]:
    entry: dict[str, Any] = {key: _plain(row[key]) for key in ("id", "category") if key in row}
    if "weight" in row:
        entry["weight"] = _share(row["weight"])
    return {**entry, "label": _words(row, "label"), "themes": _list(row.get("themes", ""))}


def _item(k: int, row: Row, found: list[Fault]) -> dict[str, Any]:
    entry: dict[str, Any] = {key: _plain(row[key]) for key in ("id", "indicator", "type") if key in row}
    if "type" in entry:
        entry["type"] = _TYPES.get(label_key(entry["type"]), entry["type"])
    entry |= {key: _number(row[key]) for key in _NUMBERS if key in row}
    entry |= {key: words for key in _WORDS if (words := _words(row, key))}
    veto = label_key(row.get("veto"))
    entry["veto"] = True if veto in YES else False if veto in {"", "x", *NO} else row["veto"]
    if veto == "x":
        problem = f"{row['veto']!r} is yes to some and no to others; write yes or no (是 or 否)"
        found.append(Fault("item", k, str(entry.get("id", "")), "veto", problem))
    caps = {reach: row[f"cap_{reach}"] for reach in REACHES if f"cap_{reach}" in row}
    entry["cap"] = {
        reach: _number(cell) if np.isnan(_percent(cell)) else _percent(cell) for reach, cell in caps.items()
    }
    entry["evidence"] = _amounts(row, "evidence", ITEM_EVIDENCE)
    if any(key in row for key in ("levels", "levels_en", "levels_zh")):
        entry["levels"] = _levels(k, str(entry.get("id", "")), row, found)
    return entry


def _levels(k: int, name: str, row: Row, found: list[Fault]) -> list[dict[str, Any]]:
    """Values with their shares and words, from cells with a line for each."""
    told = {key: _pairs(k, name, key, row.get(key), found) for key in ("levels", "levels_en", "levels_zh")}
    lost = [value for key in ("levels_en", "levels_zh") for value in told[key] if value not in told["levels"]]
    if lost:
        found.append(Fault("item", k, name, "levels", f"the words of {lost[0]!r} belong to no level; add it to levels"))
    levels = []
    for value, share in told["levels"].items():
        number = number_of(value)
        words = {
            language: told[f"levels_{language}"][value]
            for language in ("en", "zh")
            if value in told[f"levels_{language}"]
        }
        levels.append({"value": int(number) if number == number // 1 else value, "share": _number(share),
                       **({"label": words} if words else {})})  # fmt: skip
    return levels


_NEXT_LEVEL = re.compile(r"[;；]\s*(?=\d+\s*[=＝])")  # a semicolon within words stays


def _pairs(k: int, name: str, key: str, cell: Any, found: list[Fault]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    text = _NEXT_LEVEL.sub("\n", str("" if cell is None else cell))
    for line in (part.strip() for part in text.splitlines() if part.strip()):
        value, sign, said = line.replace("＝", "=").partition("=")
        value = text_of(value)
        if not sign or value in pairs:
            problem = "the value stands twice" if sign else "write a line for each level, such as 2 = 1.0"
            found.append(Fault("item", k, name, key, f"{line!r}: {problem}"))
        pairs[value] = said.strip()
    return pairs


def _words(row: Row, key: str) -> dict[str, str]:
    """The words of a pair of columns, with their own punctuation."""
    given = {language: row[f"{key}_{language}"] for language in ("en", "zh") if f"{key}_{language}" in row}
    return {language: value.strip() if isinstance(value, str) else _plain(value) for language, value in given.items()}


def _plain(cell: Any) -> str:
    return plain_id(text_of(cell))


def _number(cell: Any) -> Any:
    """A number where the cell holds one, else what stands there, so that the fault can be named."""
    number = number_of(text_of(cell)) if not isinstance(cell, bool) else float("nan")
    return number if number == number else cell


def _percent(cell: Any) -> float:
    """The number of a text such as "50%", else nan. A cell that is only shown as a percentage holds 0.5."""
    text = text_of(cell)
    return number_of(text.removesuffix("%")) if text.endswith("%") else float("nan")


def _share(cell: Any) -> Any:
    """A number, or a percentage as the share it is; else what stands there."""
    percent = _percent(cell)
    return _number(cell) if np.isnan(percent) else percent / 100


def _list(cell: Any) -> list[str]:
    return [
        part.strip()
        for part in str(cell).replace("；", ";").replace("，", ";").replace(",", ";").split(";")
        if part.strip()
    ]


def _day(cell: Any) -> Any:
    return cell.date() if isinstance(cell, datetime) else cell if isinstance(cell, date) else text_of(cell)


def _amounts(row: Row, key: str, known: Iterable[str]) -> dict[str, Any]:
    return {what: _number(row[f"{key}_{what}"]) for what in known if f"{key}_{what}" in row}


# --- writing -----------------------------------------------------------------------------------------------


def write_checklist_workbook(checklist: Checklist, path: str | Path, *, language: Language | None = None) -> Path:
    """A checklist as an Excel workbook to change and to read again with ``load_checklist``: a template to begin with.

    Parameters
    ----------
    checklist : a shipped one will do
    path : of the .xlsx file; a file that stood there stays as ``name.previous.xlsx``
    language : of sheets and headings, the checklist's if not given; the words of all languages are written

    Examples
    --------
    >>> import tempfile
    >>> from servqual.mystery.checklist import load_checklist
    >>> checklist = load_checklist("home-installation")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_checklist_workbook(checklist, Path(folder) / "mine.xlsx", language="zh")
    ...     load_checklist(path) == checklist
    True
    """
    spoken = language or checklist.language
    check_choice("language", spoken, Language)
    sheets = {
        "checklist": (HEAD_COLUMNS, _head_rows(checklist, spoken)),
        "indicators": (INDICATOR_COLUMNS, _indicator_rows(checklist)),
        "items": (ITEM_COLUMNS, [_item_row(item) for item in checklist.items]),
    }
    return write_whole(Path(path), _workbook(sheets, spoken))


def _head_rows(checklist: Checklist, language: Language) -> list[Row]:
    values: dict[str, Any] = {
        "id": checklist.id,
        "version": checklist.version,
        **_said("title", checklist.title),
        "source": checklist.source,
        "valid_from": checklist.valid_from,
        "valid_to": checklist.valid_to,
        "veto_rule": checklist.veto_rule,
        "rebase": checklist.rebase,
        "languages": "; ".join(checklist.languages),
        "not_applicable": "; ".join(checklist.not_applicable),
        **{f"evidence_{what}": amount for what, amount in checklist.evidence.items()},
    }
    return [{"key": HEAD_KEYS[key] if language == "zh" else key, "value": value} for key, value in values.items()]


def _indicator_rows(checklist: Checklist) -> list[Row]:
    rows: list[Row] = []
    for each in checklist.indicators:
        category = checklist.category(each.category)
        rows.append(
            {
                "category": category.id,
                **_said("category", category.label),
                "category_weight": category.weight,
                "module": category.module,
                "id": each.id,
                **_said("label", each.label),
                "weight": each.weight,
                "themes": "; ".join(each.themes),
            }
        )
    return rows


def _item_row(item: ChecklistItem) -> Row:
    row: dict[str, Any] = {
        "id": item.id,
        "indicator": item.indicator,
        "type": item.type,
        "veto": "yes" if item.veto else "",
        "levels": "\n".join(f"{level.value} = {level.share:g}" for level in item.levels),
        **{key: getattr(item, key) for key in _NUMBERS},
        **{f"cap_{reach}": value for reach, value in item.cap.items()},
        **{f"evidence_{what}": amount for what, amount in item.evidence.items()},
    }
    for key in _WORDS:
        row |= _said(key, getattr(item, key))
    for language in ("en", "zh"):
        row[f"levels_{language}"] = "\n".join(
            f"{level.value} = {level.label[language]}" for level in item.levels if language in level.label
        )
    return row


def _said(key: str, words: Mapping[str, str]) -> dict[str, str]:
    return {f"{key}_{language}": say(words, language) for language in ("en", "zh") if language in words}


def _workbook(sheets: Mapping[str, tuple[Mapping[str, str], Sequence[Row]]], language: Language) -> bytes:
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Alignment, Font
    except ImportError as error:
        raise missing_extra("openpyxl", "files", "writing a checklist as a workbook") from error
    book = Workbook()
    book.remove(book.active)
    for name, (columns, rows) in sheets.items():
        sheet = book.create_sheet(SHEETS[name] if language == "zh" else name)
        head = {key: zh if language == "zh" else key for key, zh in columns.items()}
        for i, row in enumerate([head, *rows], start=1):
            for j, key in enumerate(columns, start=1):
                value = row.get(key)
                if value is None or value == "":
                    continue
                cell = sheet.cell(i, j, value)
                if isinstance(value, str):  # no text is taken for a formula
                    cell.data_type = "s"
                cell.alignment, cell.font = Alignment(wrap_text=True, vertical="top"), Font(bold=i == 1)
        for j, key in enumerate(columns, start=1):
            wide = key in ("value", "levels_en", "levels_zh") or key.startswith(("text", "hint"))
            sheet.column_dimensions[sheet.cell(1, j).column_letter].width = 44 if wide else 18
        sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return settled(buffer.getvalue())
