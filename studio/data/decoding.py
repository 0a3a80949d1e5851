"""Bytes to text: which encoding, and which bytes are no text at all. Standard library alone."""

import codecs

from studio.data.sink import Refusal

MAGICS = (
    (b"PK\x03\x04", "is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
    (b"BZh", "is compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstandard; unpack it first"),
    (b"%PDF", "is a PDF; export its content as CSV or JSONL"),
    (b"ARROW1", "is an Arrow file; save it as Parquet"),
    (b"SQLite format 3\x00", "is an SQLite database; export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Office file; save the sheet as CSV"),
)
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
TEXT_CONTROLS = frozenset(b"\t\n\r\f\x0b\x1b")


def decode(data: bytes) -> tuple[str, str]:
    """The text and its encoding. Stray bytes in UTF-8 become lone surrogates, so that their row is named later."""
    for magic, what in MAGICS:
        if data.startswith(magic):
            raise Refusal(f"it {what}")
    for bom, encoding in BOMS:
        if data.startswith(bom):
            return decode_as(data[len(bom) :], encoding), encoding
    encoding = guess_wide(data[:4096])
    if encoding:
        return decode_as(data, encoding), encoding
    if looks_binary(data[:8192]):
        raise Refusal("it is binary, not text; the studio reads JSON, JSONL, CSV, TSV and Parquet")
    return decode_narrow(data)


def decode_as(data: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        return data.decode("utf-8", errors="surrogateescape")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, errors="replace").count("\n") + 1
        raise Refusal(f"the text ({encoding}) is broken or cut off there; get the complete file", line) from None


def guess_wide(head: bytes) -> str | None:
    """UTF-16 without a mark: Latin text has a zero in every second byte."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > 0.3 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.3 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def looks_binary(head: bytes) -> bool:
    controls = sum(byte < 32 and byte not in TEXT_CONTROLS for byte in head)
    return controls > max(1, len(head) // 100)


def decode_narrow(data: bytes) -> tuple[str, str]:
    """UTF-8, else CP-1252, unless the file is UTF-8 for the most part and only damaged in places."""
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        first = error.start
    text = data.decode("utf-8", errors="surrogateescape")
    strays = sum(0xDC80 <= ord(char) <= 0xDCFF for char in text)
    characters = sum(ord(char) > 127 for char in text) - strays
    if characters >= strays:
        return text, "utf-8"
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        line = data.count(b"\n", 0, first) + 1
        raise Refusal("its bytes are neither UTF-8 nor Windows text; save the file as UTF-8", line) from None
