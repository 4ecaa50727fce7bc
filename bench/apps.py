from django.apps import AppConfig


class BenchConfig(AppConfig):
    name = "bench"

    def ready(self) -> None:
        """Put the echoes beside the key exchange, before hvx.asgi builds its router."""
        from django.urls import path

        from bench.echo import Echo, LeanEcho
        from keyexchange.routing import websocket_urlpatterns

        websocket_urlpatterns += [
            path("bench/echo", Echo.as_asgi()),
            path("bench/lean-echo", LeanEcho.as_asgi()),
        ]
