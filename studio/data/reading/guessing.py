"""Which encoding of the time before Unicode a text is in, told by its bytes. Standard library alone.

Western text (CP-1252) has single bytes above 127 between ASCII letters; other scripts have them in runs, and East
Asian ones in pairs whose first byte says much: the common characters of each standard stand together.
"""

import re

SAMPLE = 200_000
HIGH = re.compile(rb"[\x80-\xff]+")
WESTERN_RUN = 2.0  # mean length of a run of high bytes above which text is not Western
CENTRAL = b"\x8d\x8f\x9d"  # Ť, Ź, ť in CP-1250 and nothing in CP-1252; of these, the reverse:
WESTERN = b"\x83\x88\x98"
SURE = 0.75  # share of a text's high bytes that must fit

# Two bytes that stand for a common character or a mark of punctuation.
SHIFT_JIS = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]|\x81[\x40-\x81]|[\x88-\x97][\x40-\xfc]")
KANA_SHIFT_JIS = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]")
KANA_EUC = re.compile(rb"[\xa4\xa5][\xa1-\xf6]")
BIG5 = re.compile(rb"[\xa1-\xa3\xa4-\xc6][\x40-\x7e\xa1-\xfe]")
GB = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
# The frequent letters: о, е, а, и in CP-1251; α, ο, ι, τ in CP-1253.
RUSSIAN = b"\xee\xe5\xe0\xe8"
GREEK = b"\xe1\xef\xe9\xf4"
PAIR = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")


def guess_encoding(data: bytes) -> str:
    """The likely encoding of a text that is not UTF-8: CP-1252 unless its bytes speak for another alphabet."""
    sample = data[:SAMPLE]
    runs = HIGH.findall(sample)
    high = sum(map(len, runs))
    if not runs or high / len(runs) <= WESTERN_RUN:
        central = any(byte in data for byte in CENTRAL) and not any(byte in data for byte in WESTERN)
        return "cp1250" if central else "cp1252"
    found = (guess_alphabet(b"".join(runs)), guess_japanese(sample, high), guess_pairs(sample, runs, high))
    for encoding in found:
        if encoding and decodes(sample, encoding):
            return encoding
    return "cp1252"


def guess_alphabet(high_bytes: bytes) -> str | None:
    """Russian or Greek: nearly all high bytes are letters, most of them small, and the frequent ones of the script."""
    count = len(high_bytes)
    small = sum(byte >= 0xE0 for byte in high_bytes)
    letters = sum(byte >= 0xC0 or byte in (0xA8, 0xB8) for byte in high_bytes)
    if letters <= 0.9 * count or small <= 0.6 * count:
        return None
    russian, greek = (sum(high_bytes.count(byte) for byte in common) for common in (RUSSIAN, GREEK))
    return "cp1251" if russian >= greek else "cp1253"


def guess_japanese(sample: bytes, high: int) -> str | None:
    """Japanese without kana there is none; they are a third of a text and more."""
    if 2 * len(KANA_EUC.findall(sample)) > 0.3 * high:
        return "euc_jp"
    if 2 * len(KANA_SHIFT_JIS.findall(sample)) > 0.3 * high and 2 * len(SHIFT_JIS.findall(sample)) > SURE * high:
        return "cp932"
    return None


def guess_pairs(sample: bytes, runs: list[bytes], high: int) -> str | None:
    """Chinese or Korean, where high bytes come in pairs (in Big5 the second byte may be ASCII)."""
    pairs = [pair for run in runs for pair in PAIR.findall(run)]
    words = [pair for pair in pairs if pair[0] >= 0xB0]
    if 2 * len(pairs) > 0.95 * high and words:
        hangul = sum(pair[0] <= 0xC8 for pair in words)
        if hangul > 0.95 * len(words):
            return "cp949"  # Chinese in GB 2312 uses all first bytes up to D7
        if 2 * sum(len(GB.findall(run)) for run in runs) > SURE * high:
            return "gb18030"
    if 2 * len(BIG5.findall(sample)) > SURE * high:
        return "big5"
    return None


def decodes(sample: bytes, encoding: str) -> bool:
    """Whether the bytes are that encoding, but for a character that the sample's end may cut."""
    try:
        sample.decode(encoding)
    except UnicodeDecodeError as error:
        return len(sample) == SAMPLE and error.start >= SAMPLE - 4
    return True
