"""Rows of no room: what an installation is once and for all."""

from django.db import models


class Installation(models.Model):
    """One row: the origin that device hashes, certificates and tokens of this database name."""

    origin = models.CharField(max_length=300)

    def __str__(self) -> str:
        return self.origin
