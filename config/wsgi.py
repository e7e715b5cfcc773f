"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from accounts.identity import confine_process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
confine_process()
