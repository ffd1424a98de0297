"""What browsers and strangers may do: hosts, cookies, headers, other origins, and signing in."""

from urllib.parse import urlsplit

from invenicum.env import env
from invenicum.settings.addresses import PUBLIC_URL

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", None) or sorted(
    {urlsplit(PUBLIC_URL).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"}
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
_https = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_ENGINE = "invenicum.accounts.session_store"
SESSION_COOKIE_SAMESITE = "Lax"  # the OAuth redirect comes back from another site
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
# No referrer to other sites. With "no-referrer" browsers send forms with `Origin: null`, which the CSRF check refuses;
# the pages whose addresses carry codes set it themselves.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [  # of `check --deploy`
    "security.W005",  # whether every name below the host has TLS, is not for this service to say to browsers,
    "security.W021",  # and neither is whether they should be told so before they come
    "security.W008",  # the proxy that terminates TLS redirects (deploy/)
    "security.W004",  # these three follow from PUBLIC_URL, which has a check of its own: operations.W001
    "security.W011",
    "security.W016",
    "oauth2_provider.W008",  # `redirect_uri_refusal` allows http for loopback hosts only (RFC 8252, 7.3)
]

# Web apps on other origins that may call the API with a token. They cannot use cookies.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
CORS_URLS_REGEX = r"^/(?!admin/)"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["retry-after", "x-request-id"]

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [  # the first is for new passwords
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "invenicum.accounts.secret_hasher.RandomSecretHasher",
]
LOGIN_URL = LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "sign-in"
CSRF_FAILURE_VIEW = "invenicum.api.errors.forged_form"
# Failures to sign in, or to send an application's secret, after which more attempts are refused for a time.
SIGN_IN_FAILURES = env.int("SIGN_IN_FAILURES", 10)  # of one account at one address
SIGN_IN_FAILURES_PER_ACCOUNT = env.int("SIGN_IN_FAILURES_PER_ACCOUNT", 100)
SIGN_IN_FAILURES_PER_ADDRESS = env.int("SIGN_IN_FAILURES_PER_ADDRESS", 100)
SIGN_IN_LOCK_SECONDS = env.int("SIGN_IN_LOCK_SECONDS", 900)
# Whether all staff need a second factor for the admin.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", False)
