"""Request bodies that every route refuses."""

from typing import Any

from ..scenario import RequestStep, Step, each

LIMIT = 1024 * 1024
DEEPEST = 64

MALFORMED: dict[str, bytes] = {
    "a brace": b"{",
    "two values": b"{} {}",
    "single quotes": b"{'name': 'x'}",
    "a name without quotes": b'{name: "x"}',
    "a form": b"name=x",
    "blanks only": b"  \n",
    "a repeated name": b'{"name": "x", "name": "y"}',
    "a repeated name deep inside": b'{"data": [{"x": {"a": 1, "a": 1}}]}',
    "a repeated name that is not ASCII": '{"é": 1, "é": 2}'.encode(),
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": Infinity}',
    "minus infinity": b'{"name": -Infinity}',
    "a number too large": b'{"name": 1e999}',
    "a number too long": b"1" * 5000,
    "an escaped NUL": b'{"name": "a\\u0000b"}',
    "an escaped NUL in a name": b'{"n\\u0000": 1}',
    "a raw NUL": b'{"name": "a\0b"}',
    "a raw control character": b'{"name": "a\nb"}',
    "half of a surrogate pair": b'{"name": "\\ud800"}',
    "a reversed surrogate pair": b'{"name": "\\udc00\\ud800"}',
    "bytes that are not UTF-8": b'{"name": "\xff"}',
    "an encoded surrogate": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "nesting one level too deep": b'{"data":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
    "nesting far too deep": b"[" * 100_000,
    "a byte over the limit": b" " * (LIMIT + 1),
}
NO_OBJECTS: dict[str, Any] = {
    "an empty array": [],
    "an array of objects": [{"name": "x"}],
    "a text": "x",
    "a number": 7,
    "a boolean": True,
    "null": None,
}
TYPES = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/json",
    "application/vnd.api+json",
    "application/xml",
    "*/*",
    "nonsense",
)
JSON_TYPES = (
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    "application/json; charset=latin-1",
    "application/json;indent=4",
)


def refused(title: str, method: str, path: str, good: Any, **more: Any) -> list[Step]:
    """All invalid bodies, at a route that accepts `good`."""
    return [
        *each(f"{title} with", method, path, MALFORMED, **more),
        *each(f"{title} with", method, path, NO_OBJECTS, **more),
        *(
            RequestStep(title=f"{title} as {kind}", method=method, path=path, body=good, content_type=kind, **more)
            for kind in TYPES
        ),
    ]


def few_refused(title: str, method: str, path: str, good: Any, **more: Any) -> list[Step]:
    """A few invalid bodies of each kind, at a route that parses its body as the others do."""
    few = {name: MALFORMED[name] for name in ("a brace", "NaN", "an escaped NUL", "a byte over the limit")}
    few["a repeated name"] = MALFORMED["a repeated name"]
    return [
        *each(f"{title} with", method, path, few, **more),
        *each(f"{title} with", method, path, {name: NO_OBJECTS[name] for name in ("an empty array", "null")}, **more),
        RequestStep(title=f"{title} without a body", method=method, path=path, **more),
        RequestStep(title=f"{title} as a form", method=method, path=path, body=good, content_type=TYPES[0], **more),
    ]


def values_of_each_type(good: Any = "x") -> dict[str, Any]:
    """Values that a lax field of another type might accept, without `good`."""
    values = {
        "a text": "x",
        "a number": 5,
        "a fraction": 1.5,
        "a boolean": True,
        "a list": ["x"],
        "an object": {"x": "y"},
        "null": None,
        "an empty text": "",
        "a number in quotes": "5",
        "a boolean in quotes": "true",
        "zero": 0,
        "one": 1,
    }
    return {name: value for name, value in values.items() if value != good or type(value) is not type(good)}


def mistyped(title: str, method: str, path: str, good: dict[str, Any], field: str, **more: Any) -> list[Step]:
    """`good` with a value of each other type in `field`."""
    bodies = {f"{field} as {name}": {**good, field: value} for name, value in values_of_each_type().items()}
    return [*each(f"{title} with", method, path, bodies, **more)]
