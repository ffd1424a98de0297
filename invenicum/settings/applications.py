"""Django's applications, middleware, routes and templates."""

from invenicum.settings.addresses import BASE_DIR

INSTALLED_APPS = [
    "invenicum.audit",
    "invenicum.staff",
    "django_otp",
    "invenicum.accounts",
    "invenicum.events",
    "invenicum.assets",
    "integrations",
    "oauth_flows",
    "webhooks",
    "invenicum.operations",
    "invenicum.portal",
    "invenicum.demo",
    "oauth2_provider",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "invenicum.operations.console_app.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "corsheaders",
]
MIDDLEWARE = [
    "invenicum.api.request_ids.name_request",
    "invenicum.web.routes.note_route",
    "invenicum.content_policy.add_policy",
    "invenicum.api.addresses.tolerate_trailing_slash",
    "invenicum.operations.health.answer_probes",
    "corsheaders.middleware.CorsMiddleware",
    "invenicum.events.loops.refuse_own_deliveries",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "invenicum.api.addresses.refuse_nul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "invenicum.audit.requests.remember_request",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "invenicum.urls"
WSGI_APPLICATION = "invenicum.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {
                "console": "invenicum.operations.template_tags",
                "portal": "invenicum.portal.template_filters",
            },
        },
    },
]
