"""Names and values that Google Analytics accepts.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference
"""

import re

MAX_NAME_LENGTH, MAX_VALUE_LENGTH = 40, 100
PREFIX = "invenicum_"
RESERVED_PREFIX = re.compile(r"ga_|google_|firebase_|[^a-z]|$")
# The last two lines are what the tag of a website counts: https://support.google.com/analytics/answer/13316687
RESERVED_EVENT = re.compile(
    r"""ad_(?:activeview|click|exposure|impression|query|reward) | adunit_exposure | error | os_update | screen_view
    | app_(?:clear_data|exception|install|remove|update|upgrade)
    | app_store_(?:refund|subscription_cancel|subscription_convert|subscription_renew)
    | dynamic_link_(?:app_open|app_update|first_open) | first_(?:open|visit) | in_app_purchase | session_start
    | notification_(?:dismiss|foreground|open|receive|send) | user_engagement
    | click | file_download | form_(?:start|submit) | page_view | scroll | video_(?:complete|progress|start)
    | view_(?:complete|search_results)""",
    re.VERBOSE,
)
# By these it would take another time, session or campaign, or show the event to developers only.
RESERVED_PARAMETERS = {"timestamp_micros", "session_number", "gclid", "debug_mode"}


def event_name(text: str) -> str:
    """For example `asset_created` for `asset.created`, and `invenicum_session_start` for `session.start`."""
    name = _name(text)
    return f"{PREFIX}{name}" if RESERVED_EVENT.fullmatch(name) else name


def parameter_name(text: str) -> str:
    """For example `asset_id` for `assetId`, and `invenicum_google_id` for `googleId`."""
    name = _name(text)
    return f"{PREFIX}{name}" if name in RESERVED_PARAMETERS else name


def parameter_value(value: str | int | float | bool) -> str | int | float:
    """A text of at most MAX_VALUE_LENGTH characters or a number: there is no other type."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value[:MAX_VALUE_LENGTH] if isinstance(value, str) else value


def _name(text: str) -> str:
    """At most MAX_NAME_LENGTH letters, digits and underscores, without a reserved prefix."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)).lower()
    return (f"{PREFIX}{name}" if RESERVED_PREFIX.match(name) else name)[:MAX_NAME_LENGTH]
