"""Rows that exist for the tests of sealed fields only."""

import uuid
from typing import ClassVar

from django.db import models

from vault.fields import BlindIndexField, SealedField


def fold(text: str) -> str:
    return text.strip().casefold()


class Contact(models.Model):
    objects: ClassVar["models.Manager[Contact]"] = models.Manager()
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=40, default="")
    email = SealedField()
    email_index = BlindIndexField(source="email", normalise=fold, unique=True)
    phone = SealedField(null=True)
    photo = SealedField(binary=True, null=True)

    def __str__(self) -> str:
        return self.name


class Colleague(models.Model):
    """A second table with a column of the same name."""

    objects: ClassVar["models.Manager[Colleague]"] = models.Manager()
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = SealedField()
    email_index = BlindIndexField(source="email", normalise=fold)

    def __str__(self) -> str:
        return str(self.id)


class Badge(models.Model):
    """A row named by another row's key."""

    objects: ClassVar["models.Manager[Badge]"] = models.Manager()
    contact = models.OneToOneField(Contact, on_delete=models.CASCADE, primary_key=True)
    pin = SealedField()

    def __str__(self) -> str:
        return str(self.pk)


class Employee(Contact):
    """A row in two tables."""

    objects: ClassVar["models.Manager[Employee]"] = models.Manager()
    salary = SealedField()
