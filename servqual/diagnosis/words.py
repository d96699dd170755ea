"""What the gaps, their sides and what they lack are called."""

from __future__ import annotations

from collections.abc import Mapping

from servqual.inference import REASONS
from survey_design.results import Text

FINDINGS: Mapping[str, Text] = {
    "knowledge": {"en": "knowledge (B − E)", "zh": "认知差距（B − E）"},
    "standards": {"en": "standards (S − B)", "zh": "标准差距（S − B）"},
    "delivery": {"en": "delivery (D − S)", "zh": "交付差距（D − S）"},
    "communication": {"en": "communication (D − A)", "zh": "宣传差距（D − A）"},
    "customer": {"en": "customer (P − E)", "zh": "顾客差距（P − E）"},
    "perception": {"en": "perception (P − D)", "zh": "感受差异（P − D）"},
}
SHORT: Mapping[str, Text] = {
    "knowledge": {"en": "knowledge", "zh": "认知"},
    "standards": {"en": "standards", "zh": "标准"},
    "delivery": {"en": "delivery", "zh": "交付"},
    "communication": {"en": "communication", "zh": "宣传"},
    "customer": {"en": "customer", "zh": "顾客"},
    "perception": {"en": "perception", "zh": "感受"},
}
QUESTIONS: Mapping[str, Text] = {
    "knowledge": {"en": "Do managers know what customers expect?", "zh": "管理者是否了解顾客的期望？"},
    "standards": {"en": "Do standards ask for what managers believe is expected?", "zh": "服务标准是否达到管理者认为顾客所期望的水平？"},
    "delivery": {"en": "Are standards kept?", "zh": "标准是否得到执行？"},
    "communication": {"en": "Is what is promised delivered?", "zh": "承诺是否兑现？"},
    "customer": {"en": "Do customers get what they expect?", "zh": "顾客的感知是否达到期望？"},
    "perception": {"en": "Do customers see what is delivered?", "zh": "顾客是否感受到实际提供的服务？"},
}  # fmt: skip
READ: Mapping[str, tuple[Text, Text]] = {
    "knowledge": (
        {"en": "managers think customers expect less than they do", "zh": "管理者低估了顾客期望"},
        {"en": "managers think customers expect more than they do", "zh": "管理者高估了顾客期望"},
    ),
    "standards": (
        {"en": "standards ask for less than managers believe is expected", "zh": "标准低于管理者认为顾客所期望的水平"},
        {"en": "standards ask for more than managers believe is expected", "zh": "标准高于管理者认为顾客所期望的水平"},
    ),
    "delivery": (
        {"en": "standards are not kept in full", "zh": "标准未完全执行"},
        {"en": "more is delivered than standards ask for", "zh": "实际提供高于标准"},
    ),
    "communication": (
        {"en": "more is promised than delivered", "zh": "承诺高于实际提供"},
        {"en": "less is promised than delivered", "zh": "承诺低于实际提供"},
    ),
    "customer": (
        {"en": "service falls short of what customers expect", "zh": "服务低于顾客期望"},
        {"en": "service exceeds what customers expect", "zh": "服务高于顾客期望"},
    ),
    "perception": (
        {"en": "customers see less than is delivered", "zh": "顾客感受到的低于实际提供"},
        {"en": "customers see more than is delivered", "zh": "顾客感受到的高于实际提供"},
    ),
}
FINDING_REASONS: Mapping[str, Text] = {
    **REASONS,
    "one reviewer": {"en": "one reviewer: no error can be computed", "zh": "仅一名评审者，无法计算误差"},
    "no error": {"en": "one side has no error that can be computed", "zh": "其中一方无法计算误差"},
    "no expected": {"en": "no customer said what to expect of every item here", "zh": "没有顾客答全此处题项的期望"},
    "no perceived": {"en": "no customer rated every item here", "zh": "没有顾客答全此处题项的感知"},
    "no believed": {"en": "no manager answered every item here", "zh": "没有管理者答全此处题项"},
    "unclear": {
        "en": "the customer gap is too near 0 for shares of it",
        "zh": "顾客差距过于接近 0，不计算份额",
    },
    "few items": {"en": "fewer than four items: no rank correlation", "zh": "题项不足四个，不计算等级相关"},
    "no spread": {"en": "one of the two gaps is the same for all items", "zh": "其中一种差距在各题项上相同"},
}
SIDES_LACKING: Mapping[str, Text] = {
    "expected": {"en": "what customers expect", "zh": "顾客期望"},
    "believed": {"en": "what managers believe", "zh": "管理者认知"},
    "standard": {"en": "a standard's level", "zh": "标准水平"},
    "inspected": {"en": "inspection", "zh": "检查结果"},
    "perceived": {"en": "what customers perceive", "zh": "顾客感知"},
    "promised": {"en": "a promise's level", "zh": "承诺水平"},
}
NEEDS: Mapping[str, Text] = {
    "expected": {"en": "customers who say what they expect of these items", "zh": "请顾客回答对这些题项的期望"},
    "believed": {"en": "managers who answer the customers' questions: what do customers expect?", "zh": "请管理者就同样的题项回答：顾客期望什么"},
    "standard": {"en": "reviewers who read the standards on the customers' scale", "zh": "请评审者按顾客所用量表评定各项标准"},
    "standard none": {"en": "a standard: no reviewer found one for these items", "zh": "制定标准：评审者未见相应标准"},
    "inspected": {"en": "mystery visits, and which indicators speak of these items", "zh": "神秘顾客检查，并指明各题项对应的检查指标"},
    "inspected none": {"en": "an indicator on the checklist: none speaks of these items", "zh": "在检查表中增设指标：现无指标对应这些题项"},
    "perceived": {"en": "customers who rate the service they got on these items", "zh": "请顾客评价所得到的服务"},
    "promised": {"en": "reviewers who read advertisements on the customers' scale", "zh": "请评审者按顾客所用量表评定对外承诺"},
    "promised none": {"en": "nothing: these items are not promised", "zh": "无需补充：未就这些题项作出承诺"},
}  # fmt: skip
SILENT: Text = {
    "en": "no manager answered {items}: without it in the managers' instrument, sums rest on the items they answered",
    "zh": "没有管理者回答{items}：若从管理者所用量表中去掉，合计即只含其余题项",
}
EVERY: Text = {"en": "all items", "zh": "全部题项"}
