from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import FieldError
from django.db import connection

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.encrypted_fields import DecryptionError, EncryptedField, EncryptedJSONField, EncryptedTextField
from tests.factories import connect_webhook

# Written by djfernet-redux 1.0.0, on which development began; django-fernet-fields stores values in the same way.
KEY = "a key of the first release"
STORED_JSON = (
    b"gAAAAABrCDL1fTKiltKK0xWFJD7cPcRBzAfB41emUpoDc_539CqkUxcx0E7IWaeIVlsJrHkUxe1H4Uri83SdXnPrP4kDqZxvyrpKPmpg28m980TUh"
    b"1xwtMODxPrii7haMG8zT1on_zdR"
)
STORED_TEXT = b"gAAAAABrCDL1RQCwKoTW50Wc1JARxE5cGAuK5ZjTH3daNWdChBilnt0VcI9LCtkBvFOQPTLRxpPc-mdClTPDi4fIfgJNgxQp-w=="


@pytest.fixture(autouse=True)
def keys(settings: LazySettings) -> None:
    settings.FERNET_KEYS = [KEY]


@pytest.mark.parametrize(
    ("field", "stored", "value"),
    [
        (EncryptedJSONField(), STORED_JSON, {"secret": "whsec_ü", "n": 1}),
        (EncryptedTextField(), STORED_TEXT, "tokén"),
    ],
)
def test_stored_values_are_read_and_written_alike(field: EncryptedField, stored: bytes, value: Any) -> None:
    assert field.from_db_value(stored, None, connection) == value
    assert field.from_db_value(memoryview(stored), None, connection) == value
    written = field.get_db_prep_save(value, connection)
    written = bytes(getattr(written, "obj", written))  # psycopg's Binary, or SQLite's memoryview
    assert written != stored
    assert field.from_db_value(written, None, connection) == value


def test_the_first_key_encrypts_and_each_decrypts(settings: LazySettings) -> None:
    field = EncryptedTextField()
    settings.FERNET_KEYS = ["new", KEY]
    assert field.from_db_value(STORED_TEXT, None, connection) == "tokén"
    settings.FERNET_KEYS = ["new"]
    with pytest.raises(DecryptionError, match="cannot be decrypted with any of FERNET_KEYS"):
        field.from_db_value(STORED_TEXT, None, connection)


@pytest.mark.django_db
def test_an_encrypted_value_can_be_compared_with_null_only(alice: User) -> None:
    connect_webhook(alice)
    assert Integration.objects.filter(secrets__isnull=False).count() == 1
    with pytest.raises(FieldError, match="is encrypted and cannot be compared"):
        Integration.objects.filter(secrets={"secret": "whsec_"})


def test_null_is_stored_as_null() -> None:
    field = EncryptedJSONField(null=True)
    assert field.get_db_prep_save(None, connection) is None
    assert field.from_db_value(None, None, connection) is None
