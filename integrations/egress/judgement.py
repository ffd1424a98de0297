"""Judges what a request asks for: the address and the port in its URL, and the addresses of its name."""

from .failures import refused_address, unknown_name
from .lookups import Addresses
from .options import Options
from .policy import closed_because, literal_address, port_problem


def refusal(address: str, port: int, options: Options) -> str | None:
    """Why this address and port may not be connected to, as the end of a sentence; None if they may."""
    if problem := port_problem(port, options.ports):
        return problem
    if closed := closed_because(address, options.allow):
        return f"points to {closed}, which is not allowed; the operator of this service can allow it with EGRESS_ALLOW"
    return None


def needs_lookup(url: str, host: str, port: int, options: Options) -> bool:
    """Whether `host` is a name, to be looked up before a proxy is asked to reach it.

    Raises TransportError for a port or an address in `url` that may not be reached.
    """
    address = literal_address(host)
    problem = refusal(address, port, options) if address else port_problem(port, options.ports)
    if problem:
        raise refused_address(url, problem)
    return not address and not options.proxy_resolves


def reachable(url: str, addresses: Addresses, options: Options) -> list[str]:
    """Those of the addresses of a name that may be reached. Raises TransportError if there is none.

    A proxy looks the name up itself and may take any, so all of them must be allowed.
    """
    closed = {address: why for address in addresses if (why := closed_because(address, options.allow))}
    allowed = [address for address in addresses if address not in closed]
    if not allowed or (closed and options.proxy):
        reasons = [f"{address} is {why}" for address, why in closed.items()]
        raise unknown_name(url, ", ".join(reasons) or "it has no address")
    return allowed
