"""Addresses of federation (PROTOCOL §6)."""

from django.urls import path

from activitypub.views import actors, discovery, objects, outbox, own, replies, synchronization, tags

urlpatterns = [
    path(".well-known/webfinger", discovery.WebFingerView.as_view()),
    path(".well-known/host-meta", discovery.HostMetaView.as_view()),
    path(".well-known/nodeinfo", discovery.NodeInfoIndexView.as_view()),
    path("nodeinfo/2.1", discovery.NodeInfoView.as_view()),
    path("actor", actors.InstanceActorView.as_view()),
    path("actor/outbox", actors.CollectionView.as_view(name="outbox")),
    path("users/<str:username>", actors.ActorView.as_view()),
    *(
        path(f"users/<str:username>/{name}", actors.CollectionView.as_view(name=name))
        for name in ("followers", "following", "featured")
    ),
    path("users/<str:username>/outbox", outbox.OutboxView.as_view()),
    path("users/<str:username>/inbox", own.InboxView.as_view()),
    path("users/<str:username>/bookmarks", own.BookmarksView.as_view()),
    path("users/<str:username>/objects/<str:number>", objects.ObjectView.as_view()),
    path("users/<str:username>/objects/<str:number>/replies", replies.RepliesView.as_view()),
    path("tags/<str:name>", tags.TagView.as_view()),
    path("users/<str:username>/followers_synchronization", synchronization.SynchronizationView.as_view()),
]
