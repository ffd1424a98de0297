import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize(
    ("secret", "is_refused"), [("", False), ("x" * 31, True), ("x" * 32, False), ("é" * 16, False)]
)
def test_a_shared_secret_that_can_be_guessed_is_refused_at_start(
    settings: Settings, secret: str, is_refused: bool
) -> None:
    settings.INVENICUM_JWT_SECRET = secret
    assert ("invenicum.E001" in {message.id for message in run_checks()}) is is_refused
