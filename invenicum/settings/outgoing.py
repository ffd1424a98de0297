"""Requests to other services, and how long deliveries are tried and kept."""

import ipaddress

from django.core.exceptions import ImproperlyConfigured

from invenicum.env import env, json_object, secret
from invenicum.settings.addresses import WEB_THREADS

try:
    _cidrs: list[str] = env.list("EGRESS_ALLOW", [])
    EGRESS_ALLOW = tuple(ipaddress.ip_network(cidr.strip()) for cidr in _cidrs if cidr.strip())
except ValueError as error:
    raise ImproperlyConfigured(f"EGRESS_ALLOW must be a comma-separated list of networks: {error}.") from None
try:
    EGRESS_PORTS = frozenset(int(port) for port in env.str("EGRESS_PORTS", "").split(",") if port.strip())
except ValueError:
    raise ImproperlyConfigured("EGRESS_PORTS must be port numbers, separated by commas, for example 81,591.") from None
EGRESS_PROXY = secret("EGRESS_PROXY")
EGRESS_PROXY_RESOLVES = env.bool("EGRESS_PROXY_RESOLVES", False)
EGRESS_DNS_TIMEOUT = env.float("EGRESS_DNS_TIMEOUT", 4.0)  # seconds
EGRESS_DNS_LOOKUPS = env.int("EGRESS_DNS_LOOKUPS", 200)
EGRESS_DNS_LOOKUPS_PER_ACCOUNT = env.int("EGRESS_DNS_LOOKUPS_PER_ACCOUNT", 4)
DELIVERY_TIMEOUT = env.float("DELIVERY_TIMEOUT", 15.0)  # seconds
try:
    RETRY_SCHEDULE = tuple(
        float(seconds)
        for seconds in env.str("RETRY_SCHEDULE", "0,5,300,1800,7200,18000,36000,50400,72000,86400").split(",")
    )
except ValueError:
    raise ImproperlyConfigured("RETRY_SCHEDULE must be seconds, separated by commas, for example 0,5,300.") from None
RETENTION_DAYS = env.float("RETENTION_DAYS", 90.0)
AUDIT_RETENTION_DAYS = env.float("AUDIT_RETENTION_DAYS", 365.0)
BACKFILL_DELIVERIES_PER_SECOND = env.float("BACKFILL_DELIVERIES_PER_SECOND", 100.0)  # of one backfill
PROVIDER_ENDPOINTS = json_object("PROVIDER_ENDPOINTS")
# Of Microsoft Teams: the cloud, and the tenant whose accounts can connect; a system check says which values there are.
TEAMS_CLOUD = env.str("TEAMS_CLOUD", "public")
TEAMS_TENANT = env.str("TEAMS_TENANT", "organizations")
CONNECTION_TEST_TIMEOUT = env.float("CONNECTION_TEST_TIMEOUT", 10.0)  # seconds
# How many threads of a web process may wait for other services at once.
OUTGOING_AT_ONCE = env.int("OUTGOING_AT_ONCE", max(WEB_THREADS // 4, 1))
