"""Bytes to text: which encoding, and which bytes are no text at all. Standard library alone."""

import codecs

from studio.data.reading.guessing import guess_encoding
from studio.data.reading.kinds import READABLE
from studio.data.reading.sink import Refusal

MAGICS = (
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
    (b"BZh", "is compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstandard; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive; unpack it first"),
    (b"Rar!", "is a RAR archive; unpack it first"),
    (b"%PDF", "is a PDF; export its content as CSV or JSONL"),
    (b"FEA1", "is Feather of the first version; save it as Parquet"),
    (b"SQLite format 3\x00", "is an SQLite database; export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old or locked Office file; save it as .xlsx without a password, or as CSV"),
    (b"\x80\x04\x95", "is a pickle, which can run code when it is opened; save the data as Parquet or JSONL"),
)
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
TEXT_CONTROLS = frozenset(b"\t\n\r\f\x0b\x1b")


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text and its encoding, as asked for or found.

    Stray bytes in UTF-8 become lone surrogates, so that their row is named later; Refusal for bytes that the
    encoding does not know.
    """
    for magic, what in MAGICS:
        if data.startswith(magic):
            raise Refusal(f"it {what}")
    for bom, marked in BOMS:
        if data.startswith(bom) and (encoding is None or marked.startswith(encoding)):
            return decode_as(data[len(bom) :], marked), marked
    if encoding is not None:
        return decode_as(data, encoding), encoding
    encoding = guess_wide(data[:4096])
    if encoding:
        return decode_as(data, encoding), encoding
    if looks_binary(data[:8192]):
        raise Refusal(f"it is binary, not text; the studio reads {READABLE} and text")
    return decode_narrow(data)


def decode_as(data: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        return data.decode("utf-8", errors="surrogateescape")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, errors="replace").count("\n") + 1
        if encoding.startswith("utf"):
            raise Refusal(f"the text ({encoding}) is broken or cut off there; get the complete file", line) from None
        raise Refusal(f"the text there is not {encoding}; choose another encoding", line) from None


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
    """UTF-8, else what older programs write, unless the file is UTF-8 for the most part and only damaged in places."""
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        first = error.start
    text = data.decode("utf-8", errors="surrogateescape")
    strays = sum(0xDC80 <= ord(char) <= 0xDCFF for char in text)
    characters = sum(ord(char) > 127 for char in text) - strays
    if characters >= strays:
        return text, "utf-8"
    encoding = guess_encoding(data)
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        line = data.count(b"\n", 0, first) + 1
        raise Refusal(
            "its bytes are neither UTF-8 nor Windows text; save the file as UTF-8, or choose its encoding", line
        ) from None
