"""Sockets that do nothing but answer: what the relay of the key exchange is measured against."""

from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer


class Echo(AsyncWebsocketConsumer):
    """Channels' own consumer, as its documentation has it: text comes back as it came."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=text_data)


class LeanEcho(Echo):
    """The same without Channels' look after database connections, which costs a thread switch a
    message; the key exchange leaves it out too, so this is the harder yardstick."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        await getattr(self, get_handler_name(message))(message)
