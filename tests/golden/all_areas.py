"""All scenarios, by area. Each area starts with an empty database."""

from .areas import (
    accounts,
    assets,
    backfills,
    callers,
    configurations,
    connectors,
    deliveries,
    feed,
    inbound,
    integrations,
    native,
    oauth,
    others,
    pages,
    publishing,
    repeats,
    routes,
    sign_in,
)
from .scenario import Area

AREAS = [
    Area("accounts", accounts.STEPS),
    Area("assets", assets.STEPS),
    Area("pages", pages.STEPS),
    Area("publishing", publishing.STEPS),
    Area("feed", feed.STEPS),
    Area("connectors", connectors.STEPS),
    Area("configurations", configurations.STEPS),
    Area("integrations", integrations.STEPS),
    Area("oauth", oauth.STEPS),
    Area("native", native.STEPS),
    Area("deliveries", deliveries.STEPS),
    Area("backfills", backfills.STEPS),
    Area("repeats", repeats.STEPS),
    Area("inbound", inbound.STEPS),
    Area("routes", routes.STEPS),
    Area("callers", callers.STEPS),
    Area("others", others.STEPS),
    Area("sign_in", sign_in.STEPS),
]
