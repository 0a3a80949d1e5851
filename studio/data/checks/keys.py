"""Passwords, keys and tokens in texts."""

import re
from functools import cache

from studio.data.checks.spots import Spot, merge_spots

MASK = "[SECRET]"
# A line without any of these holds no secret; the detectors, which cost time, are asked about the others only.
SUSPICIOUS = re.compile(
    r"://[^\s/:@]+:[^\s/:@]+@|(?=[\w./+=-]{0,200}\d)[A-Za-z0-9_./+=-]{16,}"
    r"|hf_|sk-|AIza|pass|pwd|secret|token|api.?key|auth|kennwort|contrase",
    re.IGNORECASE,
)
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# Kinds that detect-secrets does not know.
KEYS = re.compile(r"\b(?:sk-(?:ant|proj|or)-[\w-]{20,}|hf_[A-Za-z0-9]{30,}|AIza[\w-]{35})")
PASSWORD = re.compile(
    r"\b(?:password|passwd|pwd|passphrase|passwort|kennwort|contraseña|mot de passe)\b[\"']?"
    r"\s*(?:is|ist|es|est|:|=)\s*[\"']?([^\s\"'<>,;(){}\[\]$]{6,64})(?!\()",
    re.IGNORECASE,
)
KEYWORD = "Secret Keyword"
LONGEST_LINE = 5000


def find_secrets(text: str) -> list[Spot]:
    """What there is, in its order."""
    spots = [Spot(*found.span(), "private key", MASK) for found in PRIVATE_KEY.finditer(text)]
    start = 0
    for line in text.split("\n"):
        if len(line) <= LONGEST_LINE and SUSPICIOUS.search(line):
            spots += [Spot(start + first, start + last, kind, MASK) for first, last, kind in secrets_of_line(line)]
        start += len(line) + 1
    return merge_spots(spots)


def secrets_of_line(line: str) -> list[tuple[int, int, str]]:
    """(start, end, kind)"""
    found = [(*match.span(), "key") for match in KEYS.finditer(line)]
    found += [(*match.span(1), "password") for match in PASSWORD.finditer(line) if is_mixed(match[1])]
    for detector in load_detectors():
        for secret in detector.analyze_string(line):
            start = line.find(secret)
            known = detector.secret_type != KEYWORD or is_mixed(secret)
            if secret and start >= 0 and known:
                kind = "password" if detector.secret_type == KEYWORD else detector.secret_type
                found.append((*widen(line, start, start + len(secret)), kind))
    return found


def is_mixed(secret: str) -> bool:
    """Letters and digits: the password "root" of a lesson gives nothing away."""
    return len(secret) >= 6 and any(map(str.isdigit, secret)) and any(map(str.isalpha, secret))


def widen(line: str, start: int, end: int) -> tuple[int, int]:
    """The word around a find: some detectors report only how a key begins."""
    while start > 0 and re.match(r"[\w-]", line[start - 1]):
        start -= 1
    while end < len(line) and re.match(r"[\w=+/.-]", line[end]):
        end += 1
    return start, end


@cache
def load_detectors() -> tuple:
    """Those of detect-secrets that know a kind of key, made once in a process.

    Left out are those that guess by entropy, which find every word in quotes.
    """
    from detect_secrets.plugins import (
        artifactory,
        aws,
        azure_storage_key,
        basic_auth,
        cloudant,
        discord,
        github_token,
        gitlab_token,
        ibm_cloud_iam,
        ibm_cos_hmac,
        jwt,
        keyword,
        mailchimp,
        npm,
        openai,
        pypi_token,
        sendgrid,
        slack,
        softlayer,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )

    return (
        artifactory.ArtifactoryDetector(),
        aws.AWSKeyDetector(),
        azure_storage_key.AzureStorageKeyDetector(),
        basic_auth.BasicAuthDetector(),
        cloudant.CloudantDetector(),
        discord.DiscordBotTokenDetector(),
        github_token.GitHubTokenDetector(),
        gitlab_token.GitLabTokenDetector(),
        ibm_cloud_iam.IbmCloudIamDetector(),
        ibm_cos_hmac.IbmCosHmacDetector(),
        jwt.JwtTokenDetector(),
        keyword.KeywordDetector(),
        mailchimp.MailchimpDetector(),
        npm.NpmDetector(),
        openai.OpenAIDetector(),
        pypi_token.PypiTokenDetector(),
        sendgrid.SendGridDetector(),
        slack.SlackDetector(),
        softlayer.SoftlayerDetector(),
        square_oauth.SquareOAuthDetector(),
        stripe.StripeDetector(),
        telegram_token.TelegramBotTokenDetector(),
        twilio.TwilioKeyDetector(),
    )
