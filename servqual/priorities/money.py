"""How is money shown? An amount with its currency, and a heading that says in what it is."""

from __future__ import annotations

from survey_design.results import Text


def money(amount: float, currency: str) -> str:
    """An amount in whole units, with its currency where one is known.

    >>> money(1234567.0, "CNY"), money(0.0, "")
    ('1,234,567 CNY', '0')
    """
    return with_currency(f"{amount:,.0f}", currency)


def with_currency(amount: str, currency: str) -> str:
    """An amount that is already written, with its currency behind it."""
    return f"{amount} {currency}" if currency else amount


def in_currency(heading: Text, currency: str) -> Text:
    """A heading or title that says in what currency amounts are.

    >>> in_currency({"en": "cost", "zh": "成本"}, "CNY")
    {'en': 'cost (CNY)', 'zh': '成本（CNY）'}
    """
    if not currency:
        return heading
    return {key: f"{text}（{currency}）" if key == "zh" else f"{text} ({currency})" for key, text in heading.items()}
