"""Every scenario there is, by area. Each area begins with an empty database."""

from .areas import assets, feed, pages, publishing
from .scenario import Area

AREAS = [
    Area("assets", assets.STEPS),
    Area("pages", pages.STEPS),
    Area("publishing", publishing.STEPS),
    Area("feed", feed.STEPS),
]
