"""Personal data in texts: e-mail addresses, phone numbers, card numbers and bank accounts.

Whether data is real cannot be seen: addresses at example.com and the cards of test systems are found as well.
"""

import re

from studio.data.checks.spots import Spot, merge_spots

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])", re.IGNORECASE)
IN_URL = re.compile(r"://[^\s/]*$")
CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-]|\.\d)")
CARD_START = re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|[68])|6(?:011|5|4[4-9])|35")
CARD_LENGTHS = {"2": (16,), "3": (14, 15, 16), "4": (13, 16, 19), "5": (16,), "6": (16, 19)}
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
# Characters of an IBAN, by country.
IBAN_TABLE = """
    NO=15 BE=16 DK=18 FI=18 NL=18 MK=19 SI=19 AT=20 BA=20 EE=20 KZ=20 LT=20 LU=20 CH=21 HR=21 LI=21 LV=21 BG=22 DE=22
    GB=22 GE=22 IE=22 ME=22 RS=22 AE=23 IL=23 AD=24 CZ=24 ES=24 MD=24 PK=24 RO=24 SA=24 SE=24 SK=24 TN=24 PT=25 IS=26
    TR=26 FR=27 GR=27 IT=27 MC=27 SM=27 AL=28 AZ=28 CY=28 DO=28 GT=28 HU=28 LB=28 PL=28 BR=29 EG=29 QA=29 UA=29 JO=30
    KW=30 MU=30 MT=31
"""
IBAN_LENGTHS = {pair[:2]: int(pair[3:]) for pair in IBAN_TABLE.split()}

NUMBER = re.compile(r"(?<![\w.,/-])\+?\(?\d[\d ()./-]{6,22}\d(?![\w/-]|[.,]\d)")
DATE = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}\b.*")
# How a number without country code is written where nothing announces it, and words that announce one.
GROUPED = re.compile(r"(?:1[ .-])?\(?\d{3}\)?[ .-]{1,2}\d{3}[.-]\d{4}|\(?0\d{1,5}\)?[ /.-]{1,3}\d[\d /.-]{4,12}")
ANNOUNCED = re.compile(
    r"\b(?:tel|telephone|phone|mobile|mob|cell|call|fax|whatsapp|hotline|telefon|telefono|teléfono|téléphone|handy|"
    r"mobil|nummer|number|ring)\b|电话|電話|手机|전화|тел",
    re.IGNORECASE,
)
NEAR = 30
# Where a number without country code may be dialled, by the language of the text.
REGIONS = {"de": ("DE", "AT", "CH"), "fr": ("FR", "BE", "CH"), "es": ("ES", "MX"), "it": ("IT",), "pt": ("PT", "BR")}
REGIONS |= {"nl": ("NL", "BE"), "pl": ("PL",), "zh": ("CN",), "ja": ("JP",), "ko": ("KR",), "ru": ("RU",)}
EVERYWHERE = ("US", "GB")


def find_personal(text: str, language: str = "") -> list[Spot]:
    """What there is, in its order; `language` (ISO 639-1) says where a phone number may be dialled."""
    spots = [] if "@" not in text else find_addresses(text)
    if any(map(str.isdigit, text)):
        spots += [Spot(*found.span(), "IBAN", "[IBAN]") for found in IBAN.finditer(text) if is_iban(found[0])]
        spots += [Spot(*found.span(), "card number", "[CARD]") for found in CARD.finditer(text) if is_card(found[0])]
        spots += find_phones(text, language)
    return merge_spots(spots)


def find_addresses(text: str) -> list[Spot]:
    """E-mail addresses. What stands before the @ of a URL is a password, which is another check's."""
    found = [match.span() for match in EMAIL.finditer(text)]
    return [
        Spot(start, end, "e-mail address", "[EMAIL]")
        for start, end in found
        if not IN_URL.search(text, max(0, start - 80), start)
    ]


def is_iban(text: str) -> bool:
    """ISO 13616: the length that its country has, and 1 as the remainder of 97."""
    code = text.replace(" ", "")
    if IBAN_LENGTHS.get(code[:2]) != len(code):
        return False
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1


def is_card(text: str) -> bool:
    """ISO/IEC 7812: a beginning and a length that are in use, and the check digit of Luhn's algorithm."""
    digits = [int(char) for char in text if char.isdigit()]
    number = "".join(map(str, digits))
    if not CARD_START.match(number) or len(digits) not in CARD_LENGTHS[number[0]] or len(set(digits)) == 1:
        return False
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def find_phones(text: str, language: str) -> list[Spot]:
    """Numbers that can be dialled."""
    found = [(match, text[max(0, match.start() - NEAR) : match.end() + NEAR]) for match in NUMBER.finditer(text)]
    return [
        Spot(*match.span(), "phone number", "[PHONE]") for match, near in found if is_phone(match[0], near, language)
    ]


def is_phone(number: str, near: str, language: str) -> bool:
    """Whether it begins with a country code; else it must be called or written like a phone number, and be valid."""
    import phonenumbers

    if number.startswith(("+", "00")):
        regions, valid = (None,), phonenumbers.is_possible_number
        number = "+" + number.lstrip("+0")
    else:
        if DATE.fullmatch(number) or not (GROUPED.fullmatch(number) or ANNOUNCED.search(near)):
            return False
        regions, valid = (*REGIONS.get(language, ()), *EVERYWHERE), phonenumbers.is_valid_number
    for region in regions:
        try:
            if valid(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
