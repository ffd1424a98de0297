"""Filling in the forms of a page as a browser does that runs no scripts."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client


def text(answer: Any) -> str:
    """A page that was found."""
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


class Form(HTMLParser):
    """The form of a page that has a button of the name `do`, or whose action ends with `action`, and its values."""

    def __init__(self, page: HttpResponse | Any, action: str = "") -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.types: dict[str, str] = {}
        self._action, self._is_inside, self._select, self._area = action, False, "", ""
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "form":
            self._is_inside = found.get("method") == "post" and (found.get("action") or "").endswith(self._action)
            if not self._action and found.get("action"):
                self._is_inside = False
        if not self._is_inside:
            return
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in found:
            self.values.setdefault(self._select, []).append(found.get("value") or "")
        elif tag == "textarea":
            self._area = name
            self.values.setdefault(name, []).append("")
            self.types[name] = "textarea"
        elif tag == "input" and name and (found.get("type") != "checkbox" or "checked" in found):
            self.values.setdefault(name, []).append(found.get("value") or "")
            self.types[name] = found.get("type") or "text"

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area][-1] += data

    def send(self, client: Client, address: str, **values: Any) -> Any:
        """Posts the form with some values replaced; a value of None is left out."""
        filled = {**self.values, **values}
        return client.post(address, {name: value for name, value in filled.items() if value is not None})


def send_form(client: Client, address: str, **values: Any) -> Any:
    """Loads the page, fills in its form and sends it."""
    return Form(client.get(address)).send(client, address, **values)


def press(client: Client, page: str, action: str) -> Any:
    """Loads a page and sends that of its forms whose address ends with `action`."""
    form = Form(client.get(page), action)
    assert form.values, f"{page} has no form for {action}"
    return form.send(client, f"{page}{action}")
