import pytest

from invenicum.web.server import _log_level


@pytest.mark.parametrize(
    ("chosen", "is_embedded", "level"),
    [("INFO", False, "info"), ("ERROR", False, "error"), ("INFO", True, "warning"), ("ERROR", True, "error")],
)
def test_the_web_server_logs_as_much_of_its_own_as_log_level_says(chosen: str, is_embedded: bool, level: str) -> None:
    assert _log_level(chosen, is_embedded=is_embedded).value == level
