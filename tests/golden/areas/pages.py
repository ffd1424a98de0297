"""Pagination of the list of assets; the delivery log uses the same."""

from ..scenario import API, Step, get, post, queries

LIST = f"{API}/assets"
ALL_ZERO, ALL_F = "0" * 32, "f" * 32
NUMBERS = (1, 2, 3, 4, 5)

STEPS: list[Step] = [
    get("listing no assets", LIST),
    *(
        post(f"creating asset {number} of five", LIST, {"assetId": f"b-{number}", "name": "B"})
        for number in range(1, 6)
    ),
    get("listing five assets", LIST),
    get("listing the first two", f"{LIST}?limit=2", keep={"next": "next"}),
    get("listing the next two", "{next}", keep={"last": "next", "first": "previous"}),
    get("listing the last one", "{last}", keep={"middle": "previous"}),
    get("listing the previous page", "{middle}"),
    get("listing the first page again", "{first}"),
    get("following a link of Alice's as Charlie", "{next}", user="charlie"),
    get("listing at the root", "/assets?limit=1&other=x%20y"),
    get("listing with a proxy's header but no proxy", f"{LIST}?limit=1", headers={"X-Forwarded-Proto": "https"}),
    get("listing exactly all", f"{LIST}?limit=5"),
    *queries("listing", LIST, "limit=100", "limit=05", "limit=1&limit=2", "colour=red&limit=1"),
    *queries(
        "listing",
        LIST,
        *("limit=0", "limit=101", "limit=-1", "limit=1.0", "limit=", "limit=%2B5", "limit=1e1", "limit=x"),
        *("limit=%D9%A3", "limit=1000", "limit=null", "limit=%00", "limit", "limit=%201", "limit=0&cursor=x"),
        *("cursor=", "cursor=x", "cursor=1", f"cursor=n{'0' * 31}", f"cursor=x{ALL_ZERO}", f"cursor=N{ALL_ZERO}"),
        *(f"cursor=n{'F' * 32}", f"cursor=n{ALL_ZERO}%0A", "cursor=%00", "cursor=%ff"),
    ),
    get("listing after everything", f"{LIST}?cursor=n{ALL_ZERO}"),
    get("listing before everything", f"{LIST}?cursor=p{ALL_F}"),
    get("listing after nothing", f"{LIST}?limit=2&cursor=n{ALL_F}"),
    get("listing before nothing", f"{LIST}?limit=2&cursor=p{ALL_ZERO}"),
]
