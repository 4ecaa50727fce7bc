"""Django's admin as an app: its templates, styles and checks, and no table."""

from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app
from django.core import checks


class AdminConfig(SimpleAdminConfig):
    """Without its log, which would want rows of three more apps: what operators do stands in the audit."""

    def import_models(self) -> None:
        self.models = {}

    def ready(self) -> None:
        # Not the check of its dependencies: users, permissions, sessions are ours.
        checks.register(check_admin_app, checks.Tags.admin)
