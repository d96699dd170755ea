"""What columns, codes, steps and flags of visits are called, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from survey_design.files.table import HEADER_REPEATED
from survey_design.questionnaire import Evidence
from survey_design.results import Text
from survey_design.visits.given import HEADINGS as ROSTER_HEADINGS

# What the columns of a visit are called, first as ours, codes before names; any of them is found without being named,
# whatever joins its words ("Store ID" is "store_id"). Rosters and visits share those of stores, inspectors and days.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "visit": (
        *("visit", "visit id", "visit no", "visit number", "visit code"),
        *("访问编号", "暗访编号", "检查编号", "巡检编号", "访问序号", "暗访序号", "检查单号", "访问"),
    ),
    "store": ROSTER_HEADINGS["store"],
    "date": ROSTER_HEADINGS["date"],
    "inspector": ROSTER_HEADINGS["inspector"],
    "mode": ("mode", "visit mode", "mode of visit", "方式", "访问方式", "检查方式", "暗访/明访", "明访/暗访"),
    "scenario": (
        *(
            "scenario",
            "visit scenario",
            "情景",
            "场景",
            "访问情景",
            "访问场景",
            "检查情景",
            "检查场景",
            "暗访情景",
            "暗访场景",
        ),
    ),
    "agency": ROSTER_HEADINGS["agency"],
    "company": ("company", "公司", "企业", "运营商"),
    "double": ROSTER_HEADINGS["double"],
    "exposed": ("exposed", "discovered", "detected", "暴露", "是否暴露", "识破", "是否识破", "是否被识破", "身份暴露"),
    "version": ("version", "checklist version", "版本", "版本号", "检查表版本"),
}
# Headings that may mean something else: taken only where the cells fit.
LOOSE: Mapping[str, tuple[str, ...]] = {
    "visit": ("编号", "序号", "id", "no", "number"),
    "date": ("访问时间", "检查时间", "暗访时间", "visit time", "time of visit"),
    "mode": (
        "访问类型",
        "检查类型",
        "暗访类型",
        "类型",
        "type",
        "visit type",
        "type of visit",
        "kind",
        "kind of visit",
    ),
    "scenario": (
        "访问类型",
        "检查类型",
        "暗访类型",
        "类型",
        "type",
        "visit type",
        "type of visit",
        "kind",
        "kind of visit",
    ),
}
LACKING: Mapping[str, Text] = {
    "visit": {"en": "a visit that was entered twice is not found out", "zh": "无法发现重复录入的访问"},
    "store": {"en": "nothing can be said of stores", "zh": "无法按门店分析"},
    "date": {"en": "validity and rotation are not checked", "zh": "未核对有效期与轮换"},
    "inspector": {"en": "rotation and severity are not checked", "zh": "未核对轮换与宽严"},
    "mode": {"en": "covert and overt visits can't be told apart", "zh": "无法区分暗访与明访"},
    "scenario": {"en": "enquiries and purchases can't be told apart", "zh": "无法区分咨询与购买"},
    "agency": {"en": "agencies can't be told apart", "zh": "无法区分执行机构"},
    "company": {"en": "all visits count as one company's", "zh": "全部访问视为同一公司"},
    "double": {"en": "agreement of two inspectors is not known", "zh": "无法判断两名检查员是否一致"},
    "exposed": {"en": "visits that were discovered are not left out", "zh": "无法剔除被识破的暗访"},
    "version": {"en": "the version that was used is not checked", "zh": "未核对所用检查表版本"},
}  # what is lost without a column
LABELS: Mapping[str, Text] = {
    "visit": {"en": "visit", "zh": "访问"},
    "store": {"en": "store", "zh": "门店"},
    "date": {"en": "date", "zh": "日期"},
    "inspector": {"en": "inspector", "zh": "检查员"},
    "mode": {"en": "mode", "zh": "检查方式"},
    "scenario": {"en": "scenario", "zh": "情景"},
    "agency": {"en": "agency", "zh": "执行机构"},
    "company": {"en": "company", "zh": "公司"},
    "double": {"en": "double visit", "zh": "双访"},
    "exposed": {"en": "exposed", "zh": "是否暴露"},
    "version": {"en": "version", "zh": "检查表版本"},
    "tier": {"en": "tier", "zh": "门店层级"},
    "centre": {"en": "centre", "zh": "营运中心"},
    "flags": {"en": "flags", "zh": "提示"},
}
MODES: Mapping[str, Text] = {"covert": {"en": "covert", "zh": "暗访"}, "overt": {"en": "overt", "zh": "明访"}}
SCENARIOS: Mapping[str, Text] = {
    "enquiry": {"en": "enquiry", "zh": "咨询"},
    "followed_purchase": {"en": "followed purchase", "zh": "跟随购买"},
    "real_purchase": {"en": "real purchase", "zh": "实际购买"},
}
ALSO: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # other words for a code
    "mode": {"covert": ("mystery", "神秘访问"), "overt": ("announced", "公开检查")},
    "scenario": {"enquiry": ("inquiry", "询问"), "followed_purchase": ("跟单",), "real_purchase": ("purchase", "购买")},
}
YES = {"yes", "y", "true", "1", "1.0", "是", "有", "√", "✓", "对"}
NO = {"no", "n", "false", "0", "0.0", "否", "无", "×", "✗", "不是"}

STEPS: Mapping[str, Text] = {
    "read": {"en": "visits read", "zh": "读入访问数"},
    HEADER_REPEATED: {"en": "header repeated", "zh": "重复的表头"},
    "no store": {"en": "no store named", "zh": "未注明门店"},
    "unknown store": {"en": "store not in the list of stores", "zh": "门店不在门店表中"},
    "duplicate": {"en": "visit seen before", "zh": "访问编号重复"},
    "number taken": {"en": "bore the number of another visit", "zh": "访问编号与另一次访问相同"},
    "other version": {"en": "made with another version of the checklist", "zh": "使用了其他版本的检查表"},
    "nothing applicable": {"en": "no item was judged", "zh": "没有任何已判定的检查项"},
    "exposed": {"en": "covert visit that was discovered", "zh": "暗访被识破"},
    "below minimum": {"en": "less of the weight judged than asked for", "zh": "已判定的权重低于所要求的下限"},
    "kept": {"en": "visits kept", "zh": "保留访问数"},
    "scored": {"en": "visits scored", "zh": "计分访问数"},
    "asked": {"en": "answers asked of the visits kept", "zh": "保留访问应有的回答数"},
    "given": {"en": "given", "zh": "有效回答"},
    "not applicable": {"en": "not applicable", "zh": "不适用"},
    "blank": {"en": "left blank", "zh": "空白"},
    "wrong": {"en": "not an answer to the item, set aside", "zh": "不是该检查项的有效回答，已搁置"},
}
FLAGS: Mapping[str, Text] = {
    "exposed": {"en": "exposed", "zh": "被识破"},
    "before validity": {"en": "before the checklist was valid", "zh": "早于检查表生效日"},
    "after validity": {"en": "after the checklist was valid", "zh": "晚于检查表失效日"},
    "inspector back": {"en": "same inspector back too early", "zh": "同一检查员过早重访"},
    "date missing": {"en": "no date: validity and rotation not checked", "zh": "无日期，未核对有效期与轮换"},
    "veto not judged": {"en": "a veto item was not judged", "zh": "否决项未判定"},
    "answers missing": {"en": "answers missing", "zh": "有缺失回答"},
    "double alone": {"en": "double visit without its second", "zh": "双访仅有一次"},
    "double more": {"en": "more than two visits under one double visit", "zh": "同一双访编号多于两次访问"},
    "double stores": {"en": "double visit to different stores", "zh": "双访的门店不同"},
    "double inspector": {"en": "double visit by one inspector", "zh": "双访由同一检查员完成"},
    "double apart": {"en": "double visit more than two weeks apart", "zh": "双访相隔超过两周"},
    "evidence missing": {"en": "evidence missing", "zh": "证据不足"},
}
FAULTS: Mapping[str, Text] = {
    "no store": {"en": "no store named", "zh": "未注明门店"},
    "duplicate": {"en": "visit seen before", "zh": "访问编号重复"},
    "number taken": {
        "en": "number of another visit (other store, day or inspector): number visits through all stores, such as S001-1",
        "zh": "与另一次访问编号相同（门店、日期或检查员不同）：请跨门店统一编号，如 S001-1",
    },
    "other version": {"en": "not version {version} of the checklist", "zh": "不是检查表第 {version} 版"},
    "unknown store": {"en": "not in the list of stores", "zh": "不在门店表中"},
    "not one of": {"en": "not one of {listed}", "zh": "不是下列之一：{listed}"},
    "not yes or no": {"en": "not yes or no", "zh": "不是“是”或“否”"},
    "a serial": {
        "en": "a spreadsheet's serial number, not a date: format the column as a date, or write 2026-03-05",
        "zh": "是表格软件的日期序列号，不是日期：请将该列设为日期格式，或写作 2026-03-05",
    },
    "no visit": {"en": "answer to a visit that is not listed", "zh": "所答访问不在访问表中"},
    "no item": {"en": "not an item of the checklist", "zh": "不是检查表中的检查项"},
    "twice, alike": {"en": "answered twice, alike", "zh": "重复回答，内容相同"},
    "twice": {"en": "answered twice, differently", "zh": "重复回答，内容不同"},
    "not an answer": {
        "en": "not an answer to '{item}' ({expected})",
        "zh": "不是检查项“{item}”的有效回答（{expected}）",
    },
    "nothing applicable": {"en": "no item was judged", "zh": "没有任何已判定的检查项"},
}  # what is wrong with a cell
DETAILS: Mapping[str, Text] = {
    "back": {
        "en": "was here on {before}; may be back from {welcome}",
        "zh": "上次到访为 {before}；{welcome} 起方可再访",
    },
    "first": {"en": "first in row {row}: {told}", "zh": "首次出现于第 {row} 行：{told}"},
    "double": {"en": "together with {visits}", "zh": "同组访问：{visits}"},
    "short": {"en": "{name}: {given} of {least}", "zh": "{name}：{given}，应有 {least}"},
}  # what a flag rests on
ANSWERS: Mapping[str, Text] = {
    "counted": {"en": "a whole number from 0", "zh": "0 起的整数"},
    "timed": {"en": "a number from 0", "zh": "0 起的数值"},
    "to": {"en": "{kind} to {maximum}", "zh": "{kind}，至 {maximum}"},
}  # what an item takes
EVIDENCE_COLUMNS: Mapping[str, Evidence] = {
    "photos": "photo",
    "recordings": "audio",
    "characters": "note",
}  # beside an item
