"""The app's registration."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.backends.signals import connection_created

from accounts.identity import install, name_actor


class AccountsConfig(AppConfig):
    """Who acts."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """From here on each statement of each connection carries the identity it is made for."""
        connection_created.connect(install, dispatch_uid="accounts.identity")
        user_logged_in.connect(name_actor, dispatch_uid="accounts.identity")
        # They look at models, which can't be imported before all apps are known.
        import_module("accounts.checks")
        import_module("accounts.database_checks")
