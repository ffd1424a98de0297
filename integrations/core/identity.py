"""TLS of one integration: the certificate that it shows, and the authorities that it trusts. Pure."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic_core import PydanticCustomError

MAX_PEM_CHARACTERS = 20_000
MAX_CERTIFICATES = 10  # in one field
EXPIRY_NOTICE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """PEM texts for one connection; empty for what is not given. `authorities` are trusted instead of the usual ones.

    `chain` begins with the certificate of `key`.
    """

    chain: bytes = b""
    key: bytes = field(default=b"", repr=False)
    authorities: bytes = b""


@lru_cache(maxsize=256)
def certificates(pem: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM text. Raises PydanticCustomError for anything else, or for more than 10."""
    if len(pem) > MAX_PEM_CHARACTERS:
        raise PydanticCustomError("pem", "has more than {most} characters", {"most": MAX_PEM_CHARACTERS})
    try:
        found = tuple(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        raise PydanticCustomError("pem", "must be certificates in PEM form: -----BEGIN CERTIFICATE-----") from None
    if len(found) > MAX_CERTIFICATES:
        raise PydanticCustomError("pem", "has more than {most} certificates", {"most": MAX_CERTIFICATES})
    return found


def private_key(pem: str) -> PrivateKeyTypes:
    """The key in a PEM text. Raises PydanticCustomError for anything else, or if it has a passphrase."""
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise PydanticCustomError("key", "has a passphrase: give the key without one") from None
    except Exception:  # noqa: BLE001 - of several kinds, and none may show the key
        raise PydanticCustomError("key", "must be a private key in PEM form: -----BEGIN PRIVATE KEY-----") from None


def is_pair(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether the certificate is that of the key."""
    public = getattr(key, "public_key", None)
    return public is not None and bool(public() == certificate.public_key())


def expires_at(pem: str) -> datetime:
    """When the first of the certificates in `pem` to expire does."""
    return min(certificate.not_valid_after_utc for certificate in certificates(pem))


def expiry_notice(pem: str, what: str, now: datetime) -> str:
    """A sentence for the owner if a certificate has expired or will within 30 days; else empty.

    For example "The client certificate expires on 2026-12-01: replace it." for `what` "The client certificate".
    """
    moment = expires_at(pem)
    if moment > now + EXPIRY_NOTICE:
        return ""
    verb = "expired" if moment <= now else "expires"
    return f"{what} {verb} on {moment.astimezone(UTC):%Y-%m-%d}: replace it."
