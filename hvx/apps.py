from django.apps import AppConfig


class HvxConfig(AppConfig):
    name = "hvx"

    def ready(self) -> None:
        from hvx import checks, wiring

        checks.register()
        wiring.wire()
