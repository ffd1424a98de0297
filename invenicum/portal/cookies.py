"""The portal's cookie. It is for the portal only and opens no admin page."""

from http.cookies import Morsel
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE_NAME = "invenicum_portal"
COOKIE_PATH = "/portal"


class _PartitionedMorsel(Morsel[str]):
    """A cookie with the attribute `Partitioned` (CHIPS), which Python knows from 3.14 on."""

    def OutputString(self, attrs: Any = None) -> str:
        return f"{super().OutputString(attrs)}; Partitioned"


def read_key(request: HttpRequest) -> str:
    """The key of the session in the cookie; empty without one."""
    return request.COOKIES.get(COOKIE_NAME, "")


def keep_key(response: HttpResponse, key: str, *, embed: bool) -> None:
    """Has the browser keep a session's key until it is closed.

    embed: the page is shown in a frame of another site, where only a cookie that says so is kept, apart for each site
    (https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies).
    """
    _set(response, key, embed=embed)


def drop_key(response: HttpResponse, *, embed: bool) -> None:
    """Has the browser forget the key."""
    _set(response, "", embed=embed, max_age=0)


def _set(response: HttpResponse, key: str, *, embed: bool, max_age: int | None = None) -> None:
    secure = embed or bool(settings.SESSION_COOKIE_SECURE)
    response.set_cookie(
        COOKIE_NAME,
        key,
        max_age=max_age,
        path=COOKIE_PATH,
        secure=secure,
        httponly=True,
        samesite="None" if embed else "Lax",
    )
    if embed:
        plain = response.cookies[COOKIE_NAME]
        partitioned = _PartitionedMorsel()
        partitioned.set(plain.key, plain.value, plain.coded_value)
        partitioned.update(plain)
        response.cookies[COOKIE_NAME] = partitioned
