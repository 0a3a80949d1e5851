"""Small Excel workbooks for tests, written part by part, so that every cell is exactly what a test says."""

import zipfile
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
# Cell styles by number: plain, date, date and time, time, elapsed time, percent.
FORMATS = (0, 14, 22, 21, 46, 10)


def write_workbook(path: Path, sheets: dict[str, str]) -> Path:
    """A workbook of these sheets: name -> the XML of its rows."""
    numbered = list(enumerate(sheets, 1))
    parts = {
        "[Content_Types].xml": (
            f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
        ),
        "_rels/.rels": relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in numbered)
            + "</sheets></workbook>"
        ),
        "xl/_rels/workbook.xml.rels": relations(
            {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered}
            | {"rId100": ("styles", "styles.xml")}
        ),
        "xl/styles.xml": (
            f'<styleSheet xmlns="{MAIN}"><cellXfs count="{len(FORMATS)}">'
            + "".join(f'<xf numFmtId="{number}"/>' for number in FORMATS)
            + "</cellXfs></styleSheet>"
        ),
    }
    for number, name in numbered:
        content = f'<worksheet xmlns="{MAIN}"><sheetData>{sheets[name]}</sheetData></worksheet>'
        parts[f"xl/worksheets/sheet{number}.xml"] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, DECLARATION + content)
    return path


def relations(entries: dict[str, tuple[str, str]]) -> str:
    """A part that says what others are: id -> (kind, path)."""
    items = (
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in entries.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(items)}</Relationships>'


def row(number: int, *cells: str) -> str:
    """A row of cells made by `text`, `value` and the like, from column A on."""
    placed = (cell.replace("<c", f'<c r="{chr(65 + place)}{number}"', 1) for place, cell in enumerate(cells))
    return f'<row r="{number}">{"".join(placed)}</row>'


def text(content: str) -> str:
    """A cell with text, spaces kept."""
    return f'<c t="inlineStr"><is><t xml:space="preserve">{content}</t></is></c>'


def value(content: object, style: int = 0, kind: str = "n") -> str:
    """A cell with a number (`style`: a place in FORMATS), or of another kind ("b": true or false, "str": a formula)."""
    return f'<c s="{style}" t="{kind}"><v>{content}</v></c>'
