"""Addresses of federation (PROTOCOL §6)."""

from django.urls import path

from activitypub.views import actors

urlpatterns = [
    path("actor", actors.InstanceActorView.as_view()),
    path("actor/outbox", actors.CollectionView.as_view(name="outbox")),
    path("users/<str:username>", actors.ActorView.as_view()),
    *(
        path(f"users/<str:username>/{name}", actors.CollectionView.as_view(name=name))
        for name in ("followers", "following", "outbox", "featured")
    ),
]
