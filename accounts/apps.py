"""The app's registration."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core.checks import register
from django.db.backends.signals import connection_created

from accounts.checks import check_connection_settings
from accounts.identity import install, name_actor


class AccountsConfig(AppConfig):
    """Who acts."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """From here on each statement of each connection carries the identity it is made for."""
        connection_created.connect(install, dispatch_uid="accounts.identity")
        user_logged_in.connect(name_actor, dispatch_uid="accounts.identity")
        register(check_connection_settings)
