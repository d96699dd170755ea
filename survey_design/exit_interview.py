"""What every interview at the shop door asks besides the scale: who, where, when, may I, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping

from survey_design.questionnaire import Choice, Condition, Question, Section, Words
from survey_design.results import Text

# What an electronics chain sells: an example of ``products``; no form asks it by itself.
PRODUCTS: Mapping[str, Text] = {
    "phone": {"en": "Phone", "zh": "手机"},
    "computer": {"en": "Computer", "zh": "电脑"},
    "camera": {"en": "Camera", "zh": "相机"},
    "other": {"en": "Something else", "zh": "其他"},
}
SEGMENTS: Mapping[str, Text] = {
    "ordinary": {"en": "For yourself or your family", "zh": "个人或家庭使用"},
    "business": {"en": "For a business", "zh": "商务或企业使用"},
}
NOT_SAID = "not_said"
_NOT_SAID: Text = {"en": "Prefer not to say", "zh": "不愿回答"}
SEXES: Mapping[str, Text] = {
    "female": {"en": "Female", "zh": "女"},
    "male": {"en": "Male", "zh": "男"},
    NOT_SAID: _NOT_SAID,
}
AGE_BANDS: Mapping[str, Text] = {
    "under_18": {"en": "Under 18", "zh": "未满 18 岁"},
    "18-29": {"en": "18–29", "zh": "18–29 岁"},
    "30-44": {"en": "30–44", "zh": "30–44 岁"},
    "45-59": {"en": "45–59", "zh": "45–59 岁"},
    "60+": {"en": "60 or older", "zh": "60 岁及以上"},
    NOT_SAID: _NOT_SAID,
}
# The codes of AAPOR's Standard Definitions, as on the tally sheet of intercepts. A form keeps them without the point, which
# no tablet allows in a value (1.1 is 110); whoever fills it in reads them with it.
DISPOSITIONS: Mapping[int, Text] = {
    110: {"en": "1.1 Complete interview", "zh": "1.1 完整访问"},
    120: {"en": "1.2 Partial interview, usable", "zh": "1.2 部分完成（可用）"},
    211: {"en": "2.11 Refusal, has bought", "zh": "2.11 拒访（已购买）"},
    212: {"en": "2.12 Break-off", "zh": "2.12 中途退出"},
    230: {"en": "2.3 Other reason, has bought", "zh": "2.3 其他原因（已购买）"},
    233: {"en": "2.33 Language", "zh": "2.33 语言不通"},
    300: {"en": "3.0 Not known whether bought", "zh": "3.0 是否购买不详"},
    400: {"en": "4.0 Not eligible: no purchase just completed", "zh": "4.0 不合格：刚才未完成购买"},
}
INTERVIEWS = (110, 120)

INTRO: Text = {
    "en": "Good day. We are asking customers of this store about its service.",
    "zh": "您好！我们正在了解顾客对本店服务的看法。",
}
CONSENT: Text = {
    "en": "Taking part is voluntary and you may stop at any time. Answers are reported only together with those of "
    "other customers. May I begin?",
    "zh": "参与完全自愿，您可以随时停止。您的回答只会与其他顾客的回答合并后公布。我可以开始吗？",
}

SCREENING = (Condition("purchase", (1,)), Condition("consent", (1,)))
AGREED = Condition("consent", (1,))


def choices_of(words: Mapping[str, Words] | Mapping[int, Text]) -> tuple[Choice, ...]:
    """Choices from values and their words.

    >>> [choice.value for choice in choices_of(SEXES)]
    ['female', 'male', 'not_said']
    """
    return tuple(Choice(value, label) for value, label in words.items())


def contact_section(stores: Mapping[str, Words] | None = None) -> Section:
    """Interview number, store, date, purchase just completed (requirement for an interview), and consent.

    With ``stores`` (code -> name) the store is chosen from a list; otherwise its code is written.

    >>> contact_section({"S001": "Main Street"}).questions[1].choices[0].value
    'S001'
    """
    place: Words = {"en": "Store", "zh": "门店"}
    store = (
        Question("store", "single", place, choices=choices_of(stores), required=True)
        if stores
        else Question("store", "text", place, required=True, hint={"en": "Its code.", "zh": "填写门店编号。"})
    )
    return Section(
        "contact",
        {"en": "Contact", "zh": "接触"},
        (
            Question("respondent", "text", {"en": "Interview number", "zh": "访问编号"}, required=True),
            store,
            Question("date", "date", {"en": "Date", "zh": "日期"}, required=True),
            Question(
                "purchase",
                "yes_no",
                {"en": "Have you just bought something in this store?", "zh": "您刚才在本店购买了商品吗？"},
                required=True,
                dont_know=(9, {"en": "Did not stop, not known", "zh": "未停留，不详"}),
            ),
            Question(
                "consent",
                "yes_no",
                CONSENT,
                required=True,
                relevant=Condition("purchase", (1,)),
                hint={"en": "Go on only if the customer agrees.", "zh": "顾客同意后方可继续。"},
            ),
        ),
        lead=INTRO,
    )


def visit_section(products: Mapping[str, Words] | None = None) -> Section:
    """Minutes in the store and visits per month, which serve the weights; before them what was bought.

    What was bought is asked only with ``products`` (code -> words): what a chain sells is its own.

    >>> [question.name for question in visit_section().questions]
    ['minutes_in_store', 'visits_per_month']
    >>> visit_section({"bread": {"en": "Bread", "zh": "面包"}}).questions[0].codes
    ('bread',)
    """
    bought = Question(
        "product",
        "single",
        {"en": "What did you buy?", "zh": "您购买了什么？"},
        choices=choices_of(products or {}),
        required=True,
        hint={"en": "If several, the dearest.", "zh": "如购买多件，选价格最高的一件。"},
    )
    blank: Text = {"en": "Leave blank if the customer can't say.", "zh": "顾客说不清时留空。"}
    return Section(
        "visit",
        {"en": "This visit", "zh": "本次到店"},
        (
            *([bought] if products else []),
            Question(
                "minutes_in_store",
                "timed",
                {"en": "How many minutes were you in the store?", "zh": "您在店内停留了多少分钟？"},
                hint=blank,
                maximum=600,
                unit={"en": "minutes", "zh": "分钟"},
            ),
            Question(
                "visits_per_month",
                "counted",
                {
                    "en": "Counting today, how many times did you visit this store in the last 30 days?",
                    "zh": "包括今天在内，最近 30 天您来过本店几次？",
                },
                hint=blank,
                minimum=1,
                maximum=90,
                unit={"en": "visits", "zh": "次"},
            ),
        ),
        relevant=AGREED,
    )


def person_section() -> Section:
    """Segment, sex, age and a remark in the customer's own words.

    >>> [question.name for question in person_section().questions]
    ['segment', 'sex', 'age_band', 'comment']
    """
    return Section(
        "person",
        {"en": "About you", "zh": "关于您"},
        (
            Question(
                "segment",
                "single",
                {"en": "Whom was the purchase for?", "zh": "您这次购买是为谁？"},
                choices=choices_of(SEGMENTS),
            ),
            Question("sex", "single", {"en": "Sex", "zh": "性别"}, choices=choices_of(SEXES)),
            Question("age_band", "single", {"en": "Age", "zh": "年龄"}, choices=choices_of(AGE_BANDS)),
            Question(
                "comment",
                "text",
                {"en": "What else would you tell the store?", "zh": "您还有什么想对本店说的？"},
                hint={
                    "en": "Word for word; no names or phone numbers.",
                    "zh": "逐字记录；不要记录姓名和电话号码。",
                },
            ),
        ),
        relevant=AGREED,
    )


def ending_section() -> Section:
    """How the contact ended, filled in for everybody who was approached.

    >>> ending_section().questions[0].codes
    (110, 120, 211, 212, 230, 233, 300, 400)
    """
    return Section(
        "ending",
        {"en": "End of the contact", "zh": "接触结束"},
        (
            Question(
                "disposition",
                "single",
                {"en": "How did the contact end?", "zh": "本次接触的结果"},
                choices=choices_of(DISPOSITIONS),
                required=True,
                hint={"en": "Filled in by the interviewer; not read out.", "zh": "由访问员填写，不读出。"},
            ),
        ),
    )
