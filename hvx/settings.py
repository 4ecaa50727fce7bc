"""Settings by environment. The two ways to run differ here and nowhere else.

Embedded (default): SQLite, an in-process cache and channel layer, one process.
Cluster: `HVX_DATABASE_URL` (PostgreSQL) and `HVX_REDIS_URL`, any number of processes.
"""

import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env

from hvx import __version__
from hvx.answers import ADMINISTRATION
from hvx.origin import host_of, normalise_origin

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent

# --- What an operator sets ---------------------------------------------------------------

HVX_VERSION = __version__
HVX_LISTEN = env.str("HVX_LISTEN", "127.0.0.1:8000")
HVX_ORIGIN = normalise_origin(env.str("HVX_ORIGIN", "http://localhost:8000"))
HVX_HOST = host_of(HVX_ORIGIN)
HVX_DATA_DIR = Path(env.str("HVX_DATA_DIR", str(BASE_DIR / "var"))).resolve()
# The database, the root key and all else that a server keeps: for its own user alone.
HVX_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
HVX_ROOT_KEY_FILE = Path(env.str("HVX_ROOT_KEY_FILE", str(HVX_DATA_DIR / "root.key")))
HVX_DATABASE_URL = env.str("HVX_DATABASE_URL", "")
HVX_DATABASE_ENCRYPTION = env.str("HVX_DATABASE_ENCRYPTION", "on")
HVX_REDIS_URL = env.str("HVX_REDIS_URL", "")
HVX_WORKERS = env.int("HVX_WORKERS", 1)
HVX_THREADS = env.int("HVX_THREADS", 8)
HVX_REGISTRATION = env.str("HVX_REGISTRATION", "open")
# Accounts that one network may make: an IPv4 address, or the /64 of an IPv6 address.
HVX_REGISTRATIONS_PER_HOUR = env.int("HVX_REGISTRATIONS_PER_HOUR", 60)
HVX_INSTANCE_NAME = env.str("HVX_INSTANCE_NAME", HVX_HOST)
HVX_INSTANCE_RULES: list[str] = env.list("HVX_INSTANCE_RULES", [], delimiter="|")
# Peers on this machine and plain http to them, for tests and demonstrations: nothing on the loopback is
# then out of reach for whoever names an address.
HVX_FEDERATION_ALLOW_PRIVATE = env.bool("HVX_FEDERATION_ALLOW_PRIVATE", False)
# Actors, collections and posts are then read by signed requests alone.
HVX_FEDERATION_SECURE_MODE = env.bool("HVX_FEDERATION_SECURE_MODE", False)
# What is sent then carries a proof of its own (FEP-8b32), beside the signature of the request.
HVX_FEDERATION_PROOFS = env.bool("HVX_FEDERATION_PROOFS", False)
# Nothing is then exchanged with a host that no moderator has let in.
HVX_FEDERATION_ALLOW_LIST = env.bool("HVX_FEDERATION_ALLOW_LIST", False)
# Pages for operators at /admin/. Off until somebody wants them: what is not there cannot be tried at.
HVX_ADMIN = env.str("HVX_ADMIN", "off")
# Where people find the source of a changed server (AGPL §13); shown on the server's own pages.
HVX_SOURCE_URL = env.str("HVX_SOURCE_URL", "")
# Opens /metrics to whoever bears it; without one, the loopback alone may read it.
HVX_METRICS_TOKEN = env.str("HVX_METRICS_TOKEN", "")
# Reverse proxies whose X-Forwarded-For is believed; from anyone else the header is ignored.
HVX_TRUSTED_PROXIES = env.list("HVX_TRUSTED_PROXIES", ["127.0.0.1", "::1"])

CLUSTER = bool(HVX_REDIS_URL)

# --- Django --------------------------------------------------------------------------------

DEBUG = False
# With DEBUG on, too, nothing but kind and places of an exception is shown.
DEFAULT_EXCEPTION_REPORTER = "hvx.reports.Places"
DEFAULT_EXCEPTION_REPORTER_FILTER = "hvx.reports.NothingIsSafe"
# Nothing is signed with it (sessions of operators are rows, and there are no signed cookies or links), so a
# fresh one for each process keeps one secret less on disk. What must be keyed is keyed by the vault.
SECRET_KEY = secrets.token_urlsafe(64)
ALLOWED_HOSTS = ["*"]  # Addresses are built from HVX_ORIGIN alone; the Host header is never believed.
ROOT_URLCONF = "hvx.urls"
WSGI_APPLICATION = "hvx.wsgi.application"
ASGI_APPLICATION = "hvx.asgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.Account"
SILENCED_SYSTEM_CHECKS = [
    # TLS ends at the proxy in front (deploy/), which redirects and sends HSTS.
    "security.W004",
    "security.W008",
    # The administration alone has a cookie, and each of its views is wrapped in csrf_protect.
    "security.W003",
    # Every answer's headers come from hvx.middleware instead.
    "security.W001",
    "security.W002",
]

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "audit",
    "vault",
    "devices",
    "accounts",
    "keyexchange",
    "activitypub",
    "hvx",
]

MIDDLEWARE = [
    "hvx.middleware.answer",
    "whitenoise.middleware.WhiteNoiseMiddleware",
]

if HVX_ADMIN not in ("on", "off"):
    raise ImproperlyConfigured(f"HVX_ADMIN is {HVX_ADMIN!r}: set on or off")
if HVX_ADMIN == "on":
    # Last, so that the pages of our own take the place of Django's.
    INSTALLED_APPS.append("hvx.admin.apps.AdminConfig")
    MIDDLEWARE.insert(1, "hvx.admin.middleware.administration")
    # Not named where there are no forms: Django's checks, at every start, would import all pages for it.
    CSRF_FAILURE_VIEW = "hvx.admin.site.refused_form"
# Django's admin keeps a log of its own, which ours does without (hvx/admin/apps.py).
MIGRATION_MODULES = {"admin": None}

SESSION_ENGINE = "accounts.operator_sessions"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "hvx-operator", "hvx-form"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = ADMINISTRATION
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HVX_ORIGIN.startswith("https://")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
# The browser's to forget; how long it is good for is the server's word (accounts/operator_sessions.py).
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# A proxy may pass on another Host than the one that people typed.
CSRF_TRUSTED_ORIGINS = [HVX_ORIGIN]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    }
]

STATIC_URL = "/static/"
STATIC_ROOT = None  # static files are served from the packages that bring them
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
HVX_PASSWORD_CHARACTERS = 10
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": HVX_PASSWORD_CHARACTERS},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Where things are kept -------------------------------------------------------------------

if HVX_DATABASE_ENCRYPTION not in ("on", "off"):
    # Never taken for "off" by a slip of the pen.
    raise ImproperlyConfigured(f"HVX_DATABASE_ENCRYPTION is {HVX_DATABASE_ENCRYPTION!r}: set on or off")
if HVX_DATABASE_URL:
    _database = dj_database_url.parse(HVX_DATABASE_URL)
    if _database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("HVX_DATABASE_URL must be postgresql://…; leave it unset for SQLite")
    # The pool hands connections out to threads; persistent connections beside it are refused by
    # Django. Psycopg's `timeout` bounds how long a request waits for a free one.
    _database["CONN_MAX_AGE"] = 0
    # The pool tries a connection before it hands it out, so that those which a restart of
    # PostgreSQL has broken are replaced instead of failing the requests that get them.
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        # Beside the threads for HTTP those that hash passwords, and a few for sockets and housekeeping.
        "max_size": HVX_THREADS + 8,
        "timeout": 10,
    }
else:
    _database = {
        "ENGINE": "vault.sqlcipher",
        "NAME": str(HVX_DATA_DIR / "hvx.sqlite3"),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "encryption": HVX_DATABASE_ENCRYPTION == "on",
            # Writers queue at the start of a transaction, so none fails half-way with "locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: an answered revocation is on the platter, even if the power goes. What is deleted
            # is overwritten, so that an erased account is not in the file's free pages.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                "PRAGMA secure_delete=ON;"
            ),
        },
    }
DATABASES = {"default": _database}

CACHES: dict[str, dict[str, Any]]
CHANNEL_LAYERS: dict[str, dict[str, Any]]
if CLUSTER:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": HVX_REDIS_URL,
            "KEY_PREFIX": "hvx",
            # A Redis that hangs is soon one that does not answer; no request waits long for it.
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
    }
    CHANNEL_LAYERS = {"default": {"BACKEND": "hvx.layers.SealedRedisChannelLayer"}}
    HVX_EXCHANGE_STORE = "keyexchange.store.redis.RedisExchangeStore"
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": "hvx",
            # The memory of used DPoP proofs must not be culled. A core verifies fewer than 10,000
            # proofs a second and each is remembered for 130 s: this cannot be filled.
            "OPTIONS": {"MAX_ENTRIES": 2_000_000},
        }
    }
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            "CONFIG": {"capacity": 1000},
        }
    }
    HVX_EXCHANGE_STORE = "keyexchange.store.memory.MemoryExchangeStore"

# --- The API -----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["devices.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["devices.parsers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "hvx.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Hvx",
    "DESCRIPTION": (
        "The native API of an Hvx server. Errors are RFC 9457 problem documents whose `code` "
        "is listed in docs/errors.md; the socket's frames are at /api/hvx/v1/docs/socket."
    ),
    "EXTERNAL_DOCS": {"description": "The key exchange's socket", "url": "/api/hvx/v1/docs/socket"},
    "VERSION": "v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/hvx/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "hvx.openapi.describe_bodies",
        "hvx.openapi.describe_problems",
        "hvx.openapi.summarise",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "hvx.logs.JSONFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Django's own line for a failed request would repeat ours, with the exception's text.
        "django.request": {"level": "CRITICAL"},
        "django.security": {"level": "CRITICAL"},
        # At lower levels it names the address of everyone who opens a socket.
        "uvicorn.error": {"level": "WARNING"},
    },
}
