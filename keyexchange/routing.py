"""Where the socket is."""

from django.urls import path

from keyexchange.consumers import KeyExchangeConsumer

websocket_urlpatterns = [path("ws/keyexchange", KeyExchangeConsumer.as_asgi())]
