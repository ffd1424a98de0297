"""Turns libcurl's error codes into the errors that a flow sees.

Messages are shown to users. Of a URL they contain only the origin, because the rest may be secret.
"""

import errno

import pycurl

from ..core.errors import ErrorClass, TimedOut, TransportError
from .policy import origin, url_problem

_URL_CODES = {pycurl.E_URL_MALFORMAT, pycurl.E_LOGIN_DENIED}
_DNS_CODES = {pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY}
_TLS_CODES = {
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_INVALIDCERTSTATUS,
    pycurl.E_SSL_ISSUER_ERROR,
}
_E_TOO_LARGE = 100  # pycurl has no name for it: https://curl.se/libcurl/c/libcurl-errors.html


def unsendable(message: str) -> TransportError:
    """The permanent error of a request that must not be sent."""
    error = TransportError(message, "blocked")
    error.permanent = True
    return error


def unacceptable(url: str) -> TransportError:
    """The permanent error of a request whose URL is not acceptable."""
    return unsendable(f"{origin(url)} {url_problem(url) or 'is not a valid address'}.")


def transport_error(url: str, curl: pycurl.Curl, code: int, message: str, closed_because: str | None) -> TransportError:
    """The error for libcurl's `code` and `message` on the handle `curl`.

    `closed_because` is what `policy.closed_because` said of the address, if it refused one.
    """
    if code == pycurl.E_OPERATION_TIMEDOUT:
        what = "did not answer" if curl.getinfo(pycurl.REQUEST_SIZE) else "could not be reached"
        return TimedOut(f"{origin(url)} {what} within {round(curl.getinfo(pycurl.TOTAL_TIME), 1):g} s.")
    # libcurl has one code for a scheme that is not allowed and for a response that is not HTTP.
    if code in _URL_CODES or (code == pycurl.E_UNSUPPORTED_PROTOCOL and url_problem(url)):
        return unacceptable(url)
    if code == pycurl.E_COULDNT_CONNECT and closed_because:
        return TransportError(
            f"{origin(url)} points to {closed_because}, which is not allowed; "
            "the operator of this service can allow it with EGRESS_ALLOW.",
            "blocked",
        )
    what, error_class = _explanation(code, message, curl.getinfo(pycurl.OS_ERRNO))
    return TransportError(f"{origin(url)} {what}.", error_class)


def _explanation(code: int, message: str, system_error: int) -> tuple[str, ErrorClass]:
    if code in _DNS_CODES:
        return "could not be found: its name does not resolve", "dns"
    if code == pycurl.E_COULDNT_CONNECT:
        if system_error == errno.ECONNREFUSED:
            return "refused the connection", "refused"
        return "could not be reached", "connect"
    if code == pycurl.E_SSL_CACERT_BADFILE:  # libcurl's message contains a path of this machine
        return "could not be trusted: the certificates to trust cannot be read here", "tls"
    if code in _TLS_CODES:
        return f"could not be trusted: {message[:200]}", "tls"
    if code == pycurl.E_GOT_NOTHING:
        return "closed the connection without an answer", "reset"
    if code == _E_TOO_LARGE or "Too large" in message:
        return "sent more headers than are read", "reset"
    return "broke the connection or did not speak HTTP", "reset"
