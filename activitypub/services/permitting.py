"""What authors elsewhere let people of this server do to their posts. Their own server holds them to it; here
nobody is let believe that it was done."""

from activitypub.errors import InteractionRefused
from activitypub.models import Actor, Follow, FollowState, LocalActor, Mention, Post
from activitypub.protocol.documents.interactions import Interaction


def require_permitted(actor: LocalActor, post: Post, interaction: Interaction) -> None:
    """Raises InteractionRefused where the post's author lets others do that, and not this actor."""
    names = (post.limits or {}).get(interaction)
    if names is None or post.author_id == actor.pk or actor.uri in names:
        return
    if interaction is Interaction.REPLY and _is_spoken_to(actor, post):
        return
    author = post.author
    if author.followers in names and _follows(actor, author):
        return
    if author.following in names and _follows(author, actor):
        return
    raise InteractionRefused


def _is_spoken_to(actor: LocalActor, post: Post) -> bool:
    """Whoever is named or answered may answer, whatever the policy says."""
    answered = post.in_reply_to is not None and post.in_reply_to.author_id == actor.pk
    return answered or Mention.objects.filter(post=post, actor=actor).exists()


def _follows(follower: Actor, followee: Actor) -> bool:
    return Follow.objects.filter(
        follower_id=follower.pk, followee_id=followee.pk, state=FollowState.ACCEPTED
    ).exists()
