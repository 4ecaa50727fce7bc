from django.apps import AppConfig


class ActivityPubConfig(AppConfig):
    name = "activitypub"
