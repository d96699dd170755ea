"""How does a page look the same in Word and LibreOffice, in English and Chinese? The one door to python-docx.

Begin with :func:`new_document`, add headings, paragraphs and tables, and end with :func:`save`. Latin letters are set in
Arial. Chinese characters are set in Microsoft YaHei; where that isn't installed, the file names Noto Sans CJK SC,
Source Han Sans SC and PingFang SC in its place, and Word or LibreOffice takes the first it finds.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from survey_design.errors import SpecError, check_choice, missing_extra
from survey_design.forms.archive import settled
from survey_design.outputs import write_whole
from survey_design.results import Text, say

PaperLanguage = Literal["en", "zh", "both"]
Align = Literal["left", "center", "right"]

LATIN_FONT = "Arial"
CHINESE_FONT = "Microsoft YaHei"
CHINESE_FALLBACKS = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC")

PAGE = (21.0, 29.7)  # A4, in centimetres
MARGIN = 1.8
SHADE = "E7E7E7"  # of header cells; still light on a photocopy
SIZES = {0: 18, 1: 14, 2: 12, 3: 10.5}  # points; level 0 is the title

_BROKEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
_CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def wording(words: Text | str, language: PaperLanguage, *, between: str = "\n") -> str:
    """Words in one language, or in both, English first; the same words are not said twice.

    >>> wording({"en": "Store", "zh": "门店"}, "both", between=" "), wording({"en": "Store", "zh": "门店"}, "zh")
    ('Store 门店', '门店')
    """
    languages = ("en", "zh") if language == "both" else (language,)
    return between.join(dict.fromkeys(filter(None, (say(words, each) for each in languages))))


def page_width(*, landscape: bool = False) -> float:
    """Centimetres between the margins of a page.

    >>> page_width(), page_width(landscape=True)
    (17.4, 26.1)
    """
    return round(PAGE[landscape] - 2 * MARGIN, 2)


def new_document(title: str, language: PaperLanguage = "en", *, landscape: bool = False) -> Any:
    """An empty A4 document with its title on top, and title and page number at the foot of every page.

    >>> document = new_document("Tally sheet", "both")
    >>> document.paragraphs[0].text, document.styles["Normal"].element.rPr.rFonts.xpath("@w:eastAsia")
    ('Tally sheet', ['Microsoft YaHei'])
    """
    check_choice("language", language, PaperLanguage)
    document = _docx().Document()
    _set_page(document, landscape)
    _set_fonts(document, language)
    document.core_properties.title = _clean(title)[:255]
    document.core_properties.author = document.core_properties.comments = ""
    document.core_properties.language = "zh-CN" if language == "zh" else "en"
    add_heading(document, title, 0)
    _add_footer(document, _clean(title).splitlines()[0] if title.strip() else "", language)
    return document


def add_heading(document: Any, text: str, level: int = 1) -> Any:
    """A heading of level 1 to 3 (0 is the title), kept with what follows.

    >>> add_heading(new_document("Guide"), "Part one").style.name
    'Heading 1'
    """
    if level not in SIZES:
        raise SpecError(f"level={level} is not known. Choose one of {', '.join(map(str, SIZES))}.")
    heading = document.add_paragraph(style="Title" if level == 0 else f"Heading {level}")
    _write(heading, text)
    return heading


def add_paragraph(
    document: Any,
    text: str,
    *,
    bold: bool = False,
    italic: bool = False,
    size: float | None = None,
    align: Align = "left",
    indent: float = 0,
    keep_with_next: bool = False,
    shaded: bool = False,
    tabs: Sequence[float] = (),
) -> Any:
    """A paragraph; line breaks in the text stay, characters that no file can hold become "�".

    ``size`` is in points, ``indent`` and the stops of ``tabs`` in centimetres; ``keep_with_next`` holds it on the page of
    the next paragraph. ``document`` may be a table's cell.

    >>> add_paragraph(new_document("Guide"), "one" + chr(7) + "two").text
    'one�two'
    """
    check_choice("align", align, Align)
    paragraph = document.add_paragraph()
    if shaded:
        _shade(paragraph._p.get_or_add_pPr())
    _write(paragraph, text, bold=bold, italic=italic, size=size)
    paragraph.alignment = _alignment(align)
    paragraph.paragraph_format.keep_with_next = keep_with_next
    if indent:
        paragraph.paragraph_format.left_indent = _docx().shared.Cm(indent)
    for stop in tabs:
        paragraph.paragraph_format.tab_stops.add_tab_stop(_docx().shared.Cm(stop))
    return paragraph


def add_table(
    document: Any,
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    header: bool = True,
    align: Sequence[Align] | None = None,
    size: float = 9.5,
    row_height: float | None = None,
    borders: bool = True,
    keep_together: bool = False,
) -> Any:
    """A table of texts with columns of fixed width.

    Parameters
    ----------
    rows : the texts, one sequence per row, all of the same length
    widths : (columns,) centimetres
    header : True if the first row is a heading, which is shaded and repeated on every page
    align : (columns,) how each column stands; left where not given
    size : points
    row_height : least height of a row in centimetres, for answers written by hand
    borders : False for a table that only keeps texts in place
    keep_together : True for a short table that should not be divided by the end of a page

    >>> table = add_table(new_document("Guide"), [["Item", "1"], ["Clean", "☐"]], [10, 2], align=["left", "center"])
    >>> [cell.text for cell in table.rows[1].cells]
    ['Clean', '☐']
    """
    uneven = [k for k, row in enumerate(rows, start=1) if len(row) != len(widths)]
    if uneven or not rows:
        where = f"row {uneven[0]} has {len(rows[uneven[0] - 1])} texts" if uneven else "there is no row"
        raise SpecError(f"a table of {len(widths)} columns: {where}. Give every row one text per width.")
    aligned: Sequence[Align] = ["left"] * len(widths) if align is None else align
    table = document.add_table(rows=0, cols=len(widths))
    table.autofit = False
    if borders:
        table.style = "Table Grid"
    for column, width in zip(table.columns, widths, strict=True):
        column.width = _docx().shared.Cm(width)
    for k, row in enumerate(rows):
        _fill_row(table.add_row(), row, widths, aligned, size=size, heading=header and k == 0, height=row_height)
    for held in table.rows[:-1] if keep_together else table.rows[: int(header)]:
        for cell in held.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = True
    return table


def add_space(document: Any, points: float = 6) -> None:
    """Room of this height, for instance after a table.

    >>> document = new_document("Guide")
    >>> add_space(document, 12)
    >>> document.paragraphs[-1].paragraph_format.line_spacing.pt
    12.0
    """
    layout = document.add_paragraph().paragraph_format
    layout.line_spacing, layout.space_after = _docx().shared.Pt(points), _docx().shared.Pt(0)


def add_page_break(document: Any) -> None:
    """What follows begins on a new page."""
    document.add_page_break()


def save(document: Any, path: str | Path) -> Path:
    """Write the document whole or not at all; the same document gives the same bytes every time.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = (
    ...         save(new_document("Guide"), Path(folder) / name).read_bytes() for name in ("a.docx", "b.docx")
    ...     )
    >>> first == second
    True
    """
    path = Path(path)
    if path.suffix.lower() != ".docx":
        raise SpecError(f"'{path.name}' is no name for a Word document. End it in .docx.")
    buffer = io.BytesIO()
    document.save(buffer)
    return write_whole(path, settled(buffer.getvalue()))


# --- writing -----------------------------------------------------------------------------------------------


def _docx() -> Any:
    try:
        import docx
        import docx.enum.section
        import docx.enum.table
        import docx.enum.text
        import docx.oxml.ns
        import docx.shared
    except ImportError as error:
        raise missing_extra("python-docx", "field", "a Word document") from error
    return docx


def _clean(text: str) -> str:
    return _BROKEN.sub("\ufffd", text)


def _alignment(align: Align) -> Any:
    return getattr(_docx().enum.text.WD_ALIGN_PARAGRAPH, align.upper())


def _write(paragraph: Any, text: str, *, bold: bool = False, italic: bool = False, size: float | None = None) -> None:
    run = paragraph.add_run(_clean(text))
    if bold:
        run.bold = True
    if italic:
        run.italic = True
    if size is not None:
        run.font.size = _docx().shared.Pt(size)
    if _CHINESE.search(text):  # quotation marks and dashes beside Chinese take its font too
        qualified = _docx().oxml.ns.qn
        fonts = run._r.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qualified("w:eastAsia"), CHINESE_FONT)
        fonts.set(qualified("w:hint"), "eastAsia")


def _fill_row(
    row: Any,
    texts: Sequence[str],
    widths: Sequence[float],
    align: Sequence[Align],
    *,
    size: float,
    heading: bool,
    height: float | None,
) -> None:
    docx = _docx()
    properties = row._tr.get_or_add_trPr()
    properties.append(docx.oxml.OxmlElement("w:cantSplit"))
    if height is not None:
        row.height = docx.shared.Cm(height)
    if heading:
        properties.append(docx.oxml.OxmlElement("w:tblHeader"))
    for cell, text, width, side in zip(row.cells, texts, widths, align, strict=True):
        cell.width = docx.shared.Cm(width)
        if heading:
            _shade(cell._tc.get_or_add_tcPr())
        cell.vertical_alignment = docx.enum.table.WD_ALIGN_VERTICAL.CENTER
        paragraph = cell.paragraphs[0]
        paragraph.alignment = _alignment(side)
        paragraph.paragraph_format.space_after = docx.shared.Pt(1)
        paragraph.paragraph_format.space_before = docx.shared.Pt(1)
        _write(paragraph, text, bold=heading, size=size)


def _shade(properties: Any) -> None:
    """Grey behind a cell or paragraph; called first, since the file format fixes the order of properties."""
    docx = _docx()
    shade = docx.oxml.OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", SHADE)):
        shade.set(docx.oxml.ns.qn(f"w:{key}"), value)
    properties.append(shade)


# --- the page ----------------------------------------------------------------------------------------------


def _set_page(document: Any, landscape: bool) -> None:
    docx = _docx()
    section = document.sections[0]
    width, height = (docx.shared.Cm(side) for side in (PAGE[::-1] if landscape else PAGE))
    section.page_width, section.page_height = width, height
    if landscape:
        section.orientation = docx.enum.section.WD_ORIENT.LANDSCAPE
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, docx.shared.Cm(MARGIN))


def _set_fonts(document: Any, language: PaperLanguage) -> None:
    """One Latin and one Chinese font for every style; what a theme would put over them is taken away."""
    docx = _docx()
    qualified = docx.oxml.ns.qn
    for fonts in document.styles.element.iter(qualified("w:rFonts")):
        fonts.attrib.clear()
        _name_fonts(fonts)
    normal = document.styles["Normal"]
    normal.font.size = docx.shared.Pt(10.5)
    normal.paragraph_format.space_after = docx.shared.Pt(4)
    normal.paragraph_format.line_spacing = 1.1
    _name_fonts(normal.element.get_or_add_rPr().get_or_add_rFonts())
    for level, size in SIZES.items():
        style = document.styles["Title" if level == 0 else f"Heading {level}"]
        style.font.size, style.font.bold, style.font.italic = docx.shared.Pt(size), True, False
        style.font.color.rgb = docx.shared.RGBColor(0, 0, 0)
        style.paragraph_format.space_before = docx.shared.Pt(0 if level == 0 else 10)
        style.paragraph_format.space_after = docx.shared.Pt(4)
        style.paragraph_format.keep_with_next = True
        _name_fonts(style.element.get_or_add_rPr().get_or_add_rFonts())
        for border in style.element.findall(f".//{qualified('w:pBdr')}"):
            border.getparent().remove(border)
    for spoken in document.styles.element.iter(qualified("w:lang")):
        spoken.set(qualified("w:val"), "zh-CN" if language == "zh" else "en-US")
        spoken.set(qualified("w:eastAsia"), "zh-CN")
    _declare_fallbacks(document)


def _name_fonts(fonts: Any) -> None:
    qualified = _docx().oxml.ns.qn
    for key in ("ascii", "hAnsi", "cs"):
        fonts.set(qualified(f"w:{key}"), LATIN_FONT)
    fonts.set(qualified("w:eastAsia"), CHINESE_FONT)


def _declare_fallbacks(document: Any) -> None:
    """Say in the document's list of fonts what stands in for the Chinese one."""
    words = (
        f'<w:font w:name="{CHINESE_FONT}"><w:altName w:val="{",".join(CHINESE_FALLBACKS)}"/>'
        '<w:charset w:val="86"/><w:family w:val="swiss"/><w:pitch w:val="variable"/></w:font></w:fonts>'
    )
    for part in document.part.package.iter_parts():
        if str(part.partname) == "/word/fontTable.xml":
            part._blob = part.blob.replace(b"</w:fonts>", words.encode())


def _add_footer(document: Any, title: str, language: PaperLanguage) -> None:
    paragraph = document.sections[0].footer.paragraphs[0]
    paragraph.alignment = _alignment("center")
    before, between, after = ("第 ", " 页，共 ", " 页") if language == "zh" else ("", " / ", "")
    shown = title if len(title) <= 60 else title[:59] + "…"
    _write(paragraph, f"{shown}  ·  {before}", size=8)
    _add_field(paragraph, "PAGE")
    _write(paragraph, between, size=8)
    _add_field(paragraph, "NUMPAGES")
    if after:
        _write(paragraph, after, size=8)


def _add_field(paragraph: Any, code: str) -> None:
    docx = _docx()
    field = docx.oxml.OxmlElement("w:fldSimple")
    field.set(docx.oxml.ns.qn("w:instr"), code)
    run = paragraph.add_run("1")
    run.font.size = docx.shared.Pt(8)
    field.append(run._r)
    paragraph._p.append(field)
