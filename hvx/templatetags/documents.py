"""What the pages of `hvx.docs` need of the template language."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_CODE = re.compile(r"`([^`]*)`")


@register.filter
def code(text: object) -> SafeString:
    """Text whose `words in backticks` become code elements."""
    # Escaped first: a backtick survives escaping, and nothing that is marked up here was unescaped.
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(str(text))))  # noqa: S308
