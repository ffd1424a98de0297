"""Model fields whose values are encrypted in the database, with the keys in `FERNET_KEYS`."""

import base64
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

# For keys of any length. They are those of django-fernet-fields and djfernet; stored values depend on them.
HKDF_SALT, HKDF_INFO = b"django-fernet-fields-hkdf-salt", b"django-fernet-fields"


if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:  # can be subscripted once settings have been read
    _Field = models.Field


class DecryptionError(Exception):
    """A stored value cannot be decrypted with any of the keys in `FERNET_KEYS`."""


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    def fernet(key: str) -> Fernet:
        derived = HKDF(SHA256(), 32, HKDF_SALT, HKDF_INFO).derive(key.encode())
        return Fernet(base64.urlsafe_b64encode(derived))

    return MultiFernet([fernet(key) for key in keys])


class EncryptedField(_Field):
    """A column of encrypted bytes. The first of `FERNET_KEYS` encrypts, each can decrypt (`rotate_secrets`).

    It can be compared with NULL only. Reading a value raises DecryptionError if no key fits.
    """

    def get_internal_type(self) -> str:
        return "BinaryField"

    def to_text(self, value: Any) -> str:
        """What is encrypted for `value`."""
        raise NotImplementedError

    def from_text(self, text: str) -> Any:
        """The value that `to_text` made `text` of."""
        raise NotImplementedError

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None:
            return None
        token = _cipher(tuple(settings.FERNET_KEYS)).encrypt(self.to_text(value).encode())
        return connection.Database.Binary(token)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value is None:
            return None
        try:
            text = _cipher(tuple(settings.FERNET_KEYS)).decrypt(bytes(value)).decode()
        except InvalidToken:
            raise DecryptionError(f"{self} cannot be decrypted with any of FERNET_KEYS.") from None
        return self.from_text(text)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self} is encrypted and cannot be compared.")
        return super().get_lookup(lookup_name)


class EncryptedTextField(EncryptedField):
    """A text, encrypted."""

    def to_text(self, value: Any) -> str:
        return str(value)

    def from_text(self, text: str) -> Any:
        return text


class EncryptedJSONField(EncryptedField):
    """Anything that JSON can say, encrypted as JSON."""

    def to_text(self, value: Any) -> str:
        return json.dumps(value)

    def from_text(self, text: str) -> Any:
        return json.loads(text)
