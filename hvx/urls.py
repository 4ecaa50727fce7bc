"""Every HTTP address of the server, by room."""

from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from accounts.urls import urlpatterns as accounts
from activitypub.urls import urlpatterns as activitypub
from devices.urls import urlpatterns as devices
from devices.views import JWKSView
from hvx import docs, metrics, problems, views
from hvx.answers import ADMINISTRATION

native = [
    path("instance", views.InstanceView.as_view()),
    *accounts,
    *devices,
]

documents = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", docs.reference),
    path("docs/socket", docs.socket),
    path("docs/errors", docs.errors),
]

urlpatterns = [
    path("", docs.landing),
    path("api/hvx/v1/", include(native)),
    path("api/hvx/v1/", include(documents)),
    path(".well-known/jwks.json", JWKSView.as_view()),
    *activitypub,
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", metrics.metrics),
]

if settings.HVX_ADMIN == "on":
    # Not imported where it is off: nothing of it is there then.
    from hvx.admin.site import site

    urlpatterns.append(path(ADMINISTRATION.removeprefix("/"), site.urls))

handler400 = problems.handler400
handler404 = problems.handler404
handler500 = problems.handler500
