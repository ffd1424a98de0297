import pytest

from integrations.core.errors import ConnectionFailed, TimedOut
from integrations.core.http import Flow, Request
from integrations.core.memory import Notes, forget, recall, remember, with_memory
from tests.flows import play, text_response

REQUEST = Request("GET", "https://x.example/")


def visit() -> Flow[tuple[str | None, str]]:
    known = yield from recall("place")
    response = yield REQUEST
    return known, (yield from remember("place", response.text))


def test_a_flow_recalls_what_an_earlier_run_has_kept() -> None:
    notes = Notes()
    result, requests = play(with_memory(visit(), notes), text_response(200, "here"))
    assert (result, requests) == ((None, "here"), [REQUEST])
    result, _ = play(with_memory(visit(), notes), text_response(200, "there"))
    assert result == ("here", "here"), "what was kept first stays"


def test_something_is_kept_before_the_next_request_is_sent() -> None:
    def flow() -> Flow[None]:
        yield from remember("id", "7")
        yield REQUEST

    notes = Notes()
    with pytest.raises(TimedOut):
        play(with_memory(flow(), notes), TimedOut("No answer."))
    assert notes.kept == {"id": "7"}


def test_only_the_value_that_is_meant_is_forgotten() -> None:
    def flow(value: str) -> Flow[str | None]:
        yield from forget("id", value)
        return (yield from recall("id"))

    notes = Notes()
    notes.kept = {"id": "7"}
    assert play(with_memory(flow("6"), notes))[0] == "7"
    assert play(with_memory(flow("7"), notes))[0] is None


def test_an_error_of_the_service_reaches_the_flow() -> None:
    def flow() -> Flow[str]:
        try:
            yield REQUEST
        except TimedOut:
            return "it was told"
        return "it was not told"

    assert play(with_memory(flow(), Notes()), TimedOut("No answer."))[0] == "it was told"


def test_an_id_that_is_too_long_to_keep_is_refused() -> None:
    with pytest.raises(ConnectionFailed, match="too long"):
        play(with_memory(remember("id", "x" * 201), Notes()))
