from django.apps import AppConfig


class HvxConfig(AppConfig):
    name = "hvx"

    def ready(self) -> None:
        # drf-spectacular finds the descriptions of our authentication once they are imported.
        from hvx import checks, openapi, wiring  # noqa: F401

        checks.register()
        wiring.wire()
