from django.apps import AppConfig


class KeyExchangeConfig(AppConfig):
    name = "keyexchange"
