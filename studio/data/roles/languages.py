"""Names of languages, by the codes and words that columns are called by."""

import re

NAMES = """
    ar=Arabic bg=Bulgarian bn=Bengali ca=Catalan cs=Czech da=Danish de=German el=Greek en=English es=Spanish
    et=Estonian eu=Basque fa=Persian fi=Finnish fr=French ga=Irish gl=Galician gu=Gujarati he=Hebrew hi=Hindi
    hr=Croatian hu=Hungarian hy=Armenian id=Indonesian is=Icelandic it=Italian ja=Japanese ka=Georgian kk=Kazakh
    km=Khmer ko=Korean la=Latin lt=Lithuanian lv=Latvian mk=Macedonian ml=Malayalam mr=Marathi ms=Malay my=Burmese
    nb=Norwegian ne=Nepali nl=Dutch no=Norwegian pa=Punjabi pl=Polish ps=Pashto pt=Portuguese ro=Romanian ru=Russian
    sk=Slovak sl=Slovenian sq=Albanian sr=Serbian sv=Swedish sw=Swahili ta=Tamil te=Telugu th=Thai tr=Turkish
    uk=Ukrainian ur=Urdu uz=Uzbek vi=Vietnamese yo=Yoruba zh=Chinese zu=Zulu
"""
BY_CODE = dict(pair.split("=") for pair in NAMES.split())
LONG_CODES = {"deu": "de", "ger": "de", "eng": "en", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "por": "pt"}
LONG_CODES |= {"rus": "ru", "zho": "zh", "chi": "zh", "jpn": "ja", "kor": "ko", "ara": "ar", "pol": "pl", "nld": "nl"}
BY_WORD = {name.lower(): name for name in BY_CODE.values()}


def find_language(name: str) -> str | None:
    """The language that a column or key is called by ("de", "pt_BR", "eng_Latn", "German"), else None."""
    code, *rest = re.split(r"[-_]", name.strip().lower())
    if len(rest) > 1 or any(not re.fullmatch(r"[a-z]{2,4}|\d{3}", part) for part in rest):
        return None
    return BY_CODE.get(LONG_CODES.get(code, code)) or (None if rest else BY_WORD.get(code))


def language_name(name: str) -> str:
    """The language's name in English; the name as it is if there is none that it could mean."""
    return find_language(name) or name
