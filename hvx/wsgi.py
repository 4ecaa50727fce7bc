"""Django's WSGI handler: the way that HTTP takes into the application (see docs/performance.md)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hvx.settings")

application = get_wsgi_application()
