"""Tables as they are given: a frame, or a file that holds one; what their columns are called, and the words in their cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from survey_design.errors import SpecError, check_columns, raise_faults
from survey_design.results import Text, is_missing

Given = pd.DataFrame | str | Path

# What the columns are called, first as ours, ids before names; any of them is found without being told.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "store": (
        "store", "store id", "store no", "store number", "store code", "shop", "shop id", "shop code", "branch",
        "branch id", "branch code", "outlet", "outlet id", "outlet code", "门店编号", "门店代码", "门店编码", "门店", "店铺编号", "店铺",
        "网点编号", "网点代码", "网点编码", "网点", "营业厅编号", "营业厅代码", "营业厅编码", "营业厅", "厅店编号", "厅店", "分店编号", "分店", "store name",
        "shop name", "branch name", "outlet name", "门店名称", "店铺名称", "网点名称", "营业厅名称", "厅店名称", "分店名称",
    ),
    "area": ("area", "区域", "片区", "所属区域"),
    "tier": ("tier", "store tier", "门店层级", "层级", "门店等级", "门店级别", "门店类型"),
    "city_level": ("city_level", "城市级别", "城市等级", "城市层级"),
    "traffic": ("traffic", "客流", "客流量", "月客流", "月客流量"),
    "language": ("language", "语言"),
    "closed_weekdays": ("closed_weekdays", "休息日", "店休日", "闭店日"),
    "inspector": (
        "inspector", "inspector id", "inspector code", "inspector no", "shopper", "shopper id", "shopper code",
        "mystery shopper", "mystery shopper id", "assessor", "evaluator", "auditor", "检查员编号", "检查员代码", "检查员",
        "访问员编号", "访问员", "暗访员编号", "暗访员", "巡检员编号", "巡检员", "神秘顾客编号", "神秘顾客", "检查人", "检查人员", "inspector name", "shopper name",
        "mystery shopper name", "assessor name", "auditor name", "检查员姓名", "访问员姓名", "暗访员姓名", "巡检员姓名", "神秘顾客姓名",
        "检查人姓名",
    ),
    "capacity": ("capacity", "月访问能力", "访问能力", "每月访问数", "每月访问次数", "每月最多访问次数"),
    "home": ("home", "常驻区域", "常驻地", "居住区域"),
    "areas": ("areas", "工作区域", "可访区域", "负责区域"),
    "ties": ("ties", "私人关系", "回避门店", "回避"),
    "languages": ("languages", "会说的语言", "掌握语言"),
    "agency": (
        "agency", "fieldwork agency", "机构", "执行机构", "检查机构", "执行公司", "调查公司",
    ),
    "leave": ("leave", "休假月份", "休假", "请假"),
    "date": (
        "date", "visit date", "date of visit", "visited on", "inspection date", "date of inspection", "日期", "访问日期",
        "检查日期", "暗访日期", "巡检日期",
    ),
    "time_of_day": ("time_of_day", "时段"),
    "second_of": ("second_of", "复核对象"),
    "double": (
        "double", "double id", "double visit", "双访", "双访编号", "双访组",
    ),
    "from": ("from", "起点", "出发区域"),
    "to": ("to", "终点", "到达区域"),
    "cost": ("cost", "成本", "费用", "行程成本"),
}  # fmt: skip
# Other words for the codes that our own rules ask for.
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tier": {
        "flagship_core": ("flagship core store", "flagship", "旗舰型核心店", "旗舰核心店", "旗舰店"),
        "core": ("core store", "核心店"),
        "first_tier": ("first-tier store", "一级店", "一级门店"),
        "hypermarket": ("hypermarket store", "超市店", "卖场店"),
        "cooperative": ("cooperative store", "合作类型店", "合作店"),
    },
    "city_level": {
        "central": ("central city", "中心城市"),
        "county": ("county town", "县城", "县级", "县"),
        "town": ("township", "乡镇", "镇"),
    },
}
CONDITIONS: Mapping[str, Text] = {
    "tier": {"en": "tier", "zh": "层级"},
    "city_level": {"en": "city level", "zh": "城市级别"},
    "traffic": {"en": "traffic", "zh": "客流"},
}
_JOINTS = re.compile(r"[\s_\-./:、?!。]+")
_SHOWN = 8  # words or names that a remark lists


def heading_key(name: Any) -> str:
    """A heading or a code in one spelling: its case, its width, what joins its words, or ends it, doesn't count.

    >>> heading_key("Store_ID"), heading_key(" store  id"), heading_key("台面是否整齐？"), heading_key(None)
    ('storeid', 'storeid', '台面是否整齐', '')
    """
    key = "" if is_missing(name) else unicodedata.normalize("NFKC", str(name)).strip().casefold()
    return _JOINTS.sub("", key) or key


def word_key(column: str, word: Any) -> str:
    """What a store says of itself in one spelling: a tier of ours by its code, whatever it is called; else in small letters.

    >>> [word_key("tier", word) for word in ("Core", "核心店", "first-tier store", "Kiosk 1-1")]
    ['core', 'core', 'first_tier', 'kiosk 1-1']
    """
    own = "" if is_missing(word) else unicodedata.normalize("NFKC", str(word)).strip().casefold()
    return _CODES.get(column, {}).get(heading_key(word), own)


_CODES = {column: {heading_key(word): code for code, words in codes.items() for word in (code, *words)}
          for column, codes in WORDS.items()}  # fmt: skip


def renamed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The table with its columns under our names: as told, else by the usual headings; a column is taken once.

    >>> renamed(pd.DataFrame(columns=["门店", "门店编号", "Area", "grade"]), {"grade": "tier"}).columns.tolist()
    ['门店', 'store', 'area', 'tier']
    """
    names = {theirs: ours for theirs, ours in columns.items() if theirs in frame.columns}
    taken = {*names.values(), *frame.columns}
    by_key: dict[str, Any] = {}
    for name in frame.columns:
        by_key.setdefault(heading_key(name), name)
    for ours, headings in HEADINGS.items():
        found = next((by_key[key] for key in map(heading_key, headings) if key in by_key), None)
        if ours not in taken and found is not None and found not in names:
            names[found] = ours
            taken.add(ours)
    return frame.rename(columns=names)


def as_tables(given: Mapping[str, Any], columns: Mapping[str, str] | None = None) -> dict[str, pd.DataFrame]:
    """All tables that are given, under our names; a column that is told and that none of them has is named."""
    read = {name: as_table(table, name) for name, table in given.items() if table is not None}
    told = columns or {}
    check_columns(told, dict.fromkeys(str(name) for table in read.values() for name in table.columns),
                  " and ".join(read))  # fmt: skip
    return {name: renamed(table, told) for name, table in read.items()}


def as_table(given: Any, name: str) -> pd.DataFrame:
    """The frame, or that of a file (CSV, Excel, ...), whose blank cells are missing.

    >>> as_table("data/sample/inspectors.csv", "inspectors").columns.tolist()
    ['inspector', 'agency', 'home', 'capacity', 'ties']
    """
    if isinstance(given, pd.DataFrame):
        return given
    if not isinstance(given, (str, Path)):
        raise SpecError(
            f"{name}={type(given).__name__} is no table. Give a pandas DataFrame, or the path of a CSV or Excel file."
        )
    from survey_design.files.table import read_table

    frame = read_table(given)[0]
    return frame.mask(frame.astype(str).apply(lambda column: column.str.strip()) == "", np.nan)


def rules_without_stores(stores: pd.DataFrame, asked: Iterable[tuple[Text, str, Iterable[str]]]) -> tuple[Text, ...]:
    """What rules ask for and no store has: a sentence per column; none where every rule finds a store.

    Parameters
    ----------
    stores : a row per store
    asked : of every rule what it is called, a column, and the values of which a store must have one; no values ask for
        the column alone

    >>> stores = pd.DataFrame({"store": ["A", "B"], "tier": ["Core", "Kiosk"]})
    >>> rule: Text = {"en": "rule 'busy'", "zh": "规则“busy”"}
    >>> rules_without_stores(stores, [(rule, "tier", ("core", "first_tier"))])[0]["en"]
    "No store has the tier first_tier (rule 'busy'); stores have: Core, Kiosk."
    """
    wanted: dict[str, dict[str, list[Text]]] = {}
    for rule, column, values in asked:
        of_column = wanted.setdefault(column, {})
        for value in values:
            rules = of_column.setdefault(value, [])
            rules += [rule] if rule not in rules else []
    absent = [column for column in wanted if column not in stores]
    return (*(_no_columns(absent)), *(said for column, values in wanted.items() if column not in absent
                                      for said in _no_values(stores[column], column, values)))  # fmt: skip


def _no_columns(absent: list[str]) -> tuple[Text, ...]:
    if not absent:
        return ()
    them = "it" if len(absent) == 1 else "them"
    return ({"en": f"The stores have no column {', '.join(absent)}: rules that ask for {them} hold for no store.",
             "zh": f"门店表没有 {'、'.join(absent)} 列：以此为条件的规则对任何门店均不适用。"},)  # fmt: skip


def _no_values(cells: pd.Series, column: str, values: Mapping[str, list[Text]]) -> tuple[Text, ...]:
    there = {word_key(column, cell) for cell in cells}
    missing = {value: rules for value, rules in values.items() if word_key(column, value) not in there}
    if not missing:
        return ()
    have = [str(cell) for cell in pd.unique(cells) if not is_missing(cell)]
    more = ["…"] if len(have) > _SHOWN else []
    what = CONDITIONS.get(column, {"en": column, "zh": column})
    en = ", ".join(f"{value} ({', '.join(rule['en'] for rule in rules)})" for value, rules in missing.items())
    zh = "、".join(f"{value}（{'、'.join(rule['zh'] for rule in rules)}）" for value, rules in missing.items())
    return ({"en": f"No store has the {what['en']} {en}; stores have: {', '.join([*have[:_SHOWN], *more]) or 'none'}.",
             "zh": f"没有门店的{what['zh']}为 {zh}；门店现有：{'、'.join([*have[:_SHOWN], *more]) or '无'}。"},)  # fmt: skip


def with_numbers(frame: pd.DataFrame, columns: Mapping[str, str], who: str, where: str) -> pd.DataFrame:
    """The frame with numbers in these columns, as far as it has them; blank stays missing, words are named.

    Parameters
    ----------
    frame : a table
    columns : column -> what it holds, in words
    who : column with the name of a row
    where : whose table it is

    >>> with_numbers(
    ...     pd.DataFrame({"store": ["S1", "S2"], "traffic": ["90", ""]}), {"traffic": "people"}, "store", "the stores"
    ... )["traffic"].tolist()
    [90.0, nan]
    """
    faults: list[Mapping[str, Any]] = []
    read = {}
    for column, what in columns.items():
        if column in frame:
            cells = frame[column]
            blank = cells.isna() | (cells.astype(str).str.strip() == "")
            read[column] = pd.to_numeric(cells.mask(blank), errors="coerce")
            for k in np.flatnonzero(read[column].isna() & ~blank):
                faults.append({who: str(frame[who].iloc[k]), "row": int(k) + 2, "column": column, "value": cells.iloc[k],
                               "problem": f"{what} must be a number"})  # fmt: skip
    raise_faults(faults, where)
    return frame.assign(**read)
