"""The admin's door: who comes in, who goes out and who is refused is on record, and not done if it can't be."""

from typing import Any
from uuid import UUID

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.dispatch import receiver

from accounts.models import User
from accounts.services import account_of
from audit.models import Event
from audit.services import record


class SignInForm(AdminAuthenticationForm):
    """Refuses wrong passwords, deactivated accounts, and with the right password whoever isn't staff."""

    def clean(self) -> dict[str, Any]:
        """The signal of a failed sign-in tells of the first two only."""
        try:
            return super().clean()
        except ValidationError:
            _record("staff.refused", account_of(self.cleaned_data["username"]), Event.Outcome.DENIED)
            raise


# Connected when the admin's pages are, that is after `name_actor`: the event is in the name of who signs in.
@receiver(user_logged_in, dispatch_uid="accounts.staff")
def signed_in(user: User, **kwargs: Any) -> None:
    """The API's sign-in makes a row of its own; this is the admin's."""
    _record("staff.signed_in", user.pk)


@receiver(user_logged_out, dispatch_uid="accounts.staff")
def signed_out(user: User | None, **kwargs: Any) -> None:
    """Nobody's sign-out is nothing."""
    if user:
        _record("staff.signed_out", user.pk)


def _record(action: str, user_id: UUID | None, outcome: str = Event.Outcome.SUCCESS) -> None:
    record(action=action, object_type="user", object_id=user_id or "", outcome=outcome, concerning=user_id)
