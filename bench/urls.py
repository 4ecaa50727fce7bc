from django.urls import path

from bench.views import OpenView, TokenView, WaitingView
from hvx.urls import handler400, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *urlpatterns,
    path("bench/open", OpenView.as_view()),
    path("bench/token", TokenView.as_view()),
    path("bench/waiting", WaitingView.as_view()),
]
