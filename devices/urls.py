"""Addresses of the devices room, below `/api/hvx/v1/`."""

from django.urls import path

from devices import views

urlpatterns = [
    path("devices", views.DeviceListView.as_view()),
    path("devices/<str:device>", views.DeviceDetailView.as_view()),
]
