"""Usernames and e-mail addresses as this server writes them (PROTOCOL §1)."""

import re
import unicodedata

import idna

USERNAME = re.compile(r"[a-z0-9_]{1,30}\Z")

# Names under which people expect the server, its operators or a mail role (RFC 2142), and names
# that other servers give to actors that are nobody.
# One text is easier to read and to add to than a list of fifty.
_RESERVED = (
    "abuse account accounts actor admin administrator api auth autoconfig autodiscover bot "
    "broadcasthost contact daemon everyone ftp help here hostmaster hvx inbox info instance internal "
    "localhost mail mailer_daemon marketing me mod moderator moderators no_reply nobody noc noreply "
    "notifications null oauth operator owner postmaster public register relay root sales security "
    "server service session sessions settings staff status support sys sysadmin system team undefined "
    "usenet user users webfinger webmaster www"
)
RESERVED = frozenset(_RESERVED.split())


def account_text(username: str, host: str) -> str:
    """`username@host[:port]`, as it stands in hash, certificate and transcript."""
    return f"{username}@{host}"


def is_username(text: str) -> bool:
    """Whether the text may be a username at all (reserved ones included)."""
    return USERNAME.match(text) is not None


def normalise_login(login: str) -> str:
    """What people type to log in, a username or an e-mail address, as it is looked up."""
    return normalise_email(login) if "@" in login else login.strip().lower()


def normalise_email(email: str) -> str:
    """The form under which an address is looked up: NFKC, case-folded, no outer white space.

    The mailbox part is folded too: no provider in use tells Alice@ from alice@, and two accounts
    whose addresses look alike would be a trap. A domain has one form, whether it is written in Unicode
    or as an A-label (RFC 5890, mapped by UTS 46); what is no domain name stays as text.
    """
    normal = unicodedata.normalize("NFKC", email.strip())
    mailbox, at, domain = normal.rpartition("@")
    return mailbox.casefold() + at + _normalise_domain(domain)


def _normalise_domain(domain: str) -> str:
    folded = domain.casefold()
    # Not folded at first: ß and ss are two letters of a domain, and straße.example another than strasse's.
    for form in (domain.lower(), folded):
        try:
            return idna.encode(form, uts46=True).decode("ascii")
        except UnicodeError:
            continue
    return folded
