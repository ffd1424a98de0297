"""Turns libcurl's error codes into the errors that a flow sees.

Messages are shown to users. Of a URL they contain only the origin, because the rest may be secret. They do not tell a
name that has no address from one whose addresses are not public, nor a port that refuses from a host that does not
exist: both would map the inside of a network. The log tells them apart.
"""

import errno

import pycurl
import structlog

from ..core.errors import ErrorClass, NotSendable, TimedOut, TransportError
from .policy import origin, url_problem

log = structlog.get_logger(__name__)

# The last is the refusal of `Transfer` to look up a host.
_URL_CODES = {pycurl.E_URL_MALFORMAT, pycurl.E_LOGIN_DENIED, pycurl.E_ABORTED_BY_CALLBACK}
_TLS_CODES = {
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_INVALIDCERTSTATUS,
    pycurl.E_SSL_ISSUER_ERROR,
}
_LOCAL_ERRORS = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL}
_E_TOO_LARGE = 100  # pycurl has no name for it: https://curl.se/libcurl/c/libcurl-errors.html


def unacceptable(url: str) -> NotSendable:
    """The error of a request whose URL is not acceptable."""
    return NotSendable(f"{origin(url)} {url_problem(url) or 'is not a valid address'}.")


def refused_address(url: str, refusal: str) -> NotSendable:
    """The error of a request to an address or a port that policy refuses. `refusal` is the end of a sentence."""
    log.info("egress_refused", origin=origin(url), reason=refusal)
    return NotSendable(f"{origin(url)} {refusal}.")


def unknown_name(url: str, reason: str) -> TransportError:
    """The error of a request to a name that has no address, or none that may be reached. `reason` is only logged."""
    log.info("egress_name_refused", origin=origin(url), reason=reason)
    return TransportError(
        f"{origin(url)} could not be found: its name does not resolve to a public address; "
        "the operator of this service can allow others with EGRESS_ALLOW.",
        "dns",
    )


def transport_error(url: str, curl: pycurl.Curl, code: int, message: str, refusal: str | None) -> TransportError:
    """The error for libcurl's `code` and `message` on the handle `curl`.

    `refusal` is why policy refused an address or a port, as the end of a sentence; None if it refused none.
    """
    if code == pycurl.E_OPERATION_TIMEDOUT:
        what = "did not answer" if curl.getinfo(pycurl.REQUEST_SIZE) else "could not be reached"
        return TimedOut(f"{origin(url)} {what} within {round(curl.getinfo(pycurl.TOTAL_TIME), 1):g} s.")
    # libcurl has one code for a scheme that is not allowed and for a response that is not HTTP.
    if code in _URL_CODES or (code == pycurl.E_UNSUPPORTED_PROTOCOL and url_problem(url)):
        return unacceptable(url)
    if code == pycurl.E_COULDNT_CONNECT and refusal:
        return refused_address(url, refusal)
    system_error = curl.getinfo(pycurl.OS_ERRNO)
    if code == pycurl.E_COULDNT_CONNECT:
        log.info("egress_unreachable", origin=origin(url), reason=errno.errorcode.get(system_error, "unknown"))
        if system_error in _LOCAL_ERRORS:
            return TransportError(f"{origin(url)} could not be tried: too many connections are open here.", "connect")
        return TransportError(f"{origin(url)} refused the connection or could not be reached.", "refused")
    what, error_class = _explanation(code, message)
    return TransportError(f"{origin(url)} {what}.", error_class)


def _explanation(code: int, message: str) -> tuple[str, ErrorClass]:
    if code == pycurl.E_COULDNT_RESOLVE_PROXY:
        return "could not be reached: the proxy of this service was not found", "connect"
    if code == pycurl.E_SSL_CACERT_BADFILE:  # libcurl's message contains a path of this machine
        return "could not be trusted: the certificates to trust cannot be read here", "tls"
    if code in _TLS_CODES:
        return f"could not be trusted: {message[:200]}", "tls"
    if code == pycurl.E_GOT_NOTHING:
        return "closed the connection without an answer", "reset"
    if code == _E_TOO_LARGE or "Too large" in message:
        return "sent more headers than are read", "reset"
    return "broke the connection or did not speak HTTP", "reset"
