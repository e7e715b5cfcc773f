"""Users and their sessions."""

from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.ownership import UUID7, Isolated, Owned, Stamped
from audit.triggers import Audited


class UserManager(BaseUserManager["User"]):
    """Users are looked up and made by e-mail address, whatever its case."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Lower case throughout: one mailbox, one account."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        """Sign-in's look-up."""
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and save a user. Without a password nobody can sign in as it."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and save somebody who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody with an account. The e-mail address is the login, stored in lower case."""

    id = models.UUIDField(primary_key=True, editable=False, db_default=UUID7())
    email = models.EmailField("e-mail address")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may use the admin", default=False)
    created_at = models.DateTimeField(editable=False, db_default=Now())
    updated_at = models.DateTimeField(editable=False, db_default=Now())

    objects = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                name="accounts_user_email",
                violation_error_message="This e-mail address has an account already.",
                violation_error_code="email_taken",
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="accounts_user_email_lower",
                violation_error_message="An e-mail address is stored in lower case.",
            ),
            Isolated(name="accounts_user_isolated", owner="id", grants=["SELECT"]),
            Stamped(name="accounts_user_stamped"),
            Audited(
                name="accounts_user_audited",
                noun="user",
                owner="id",
                masked=["email", "password"],
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Called by `clean()`, so that forms store addresses in lower case, too."""
        return UserManager.normalize_email(super().normalize_username(username))


def session_end() -> datetime:
    """When a session ends that is begun or renewed now."""
    lifetime: timedelta = RefreshToken.lifetime
    return timezone.now() + lifetime


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions, by whether they still count."""

    def active(self) -> Self:
        """Neither expired nor of a deactivated user."""
        # No join: a conditional UPDATE that finds its row through one would not see a concurrent change of it.
        owner = User.objects.filter(pk=models.OuterRef("owner_id"), is_active=True)
        return self.filter(models.Exists(owner), expires_at__gt=Now())

    def rotate(self, *, session_id: UUID, refresh_id: UUID) -> UUID | None:
        """Exchange the one valid refresh id for a new one, or None if it isn't valid.

        One conditional UPDATE: of any number of simultaneous attempts exactly one succeeds.
        """
        fresh = uuid4()
        current = self.active().filter(pk=session_id, refresh_id=refresh_id)
        renewed = current.update(refresh_id=fresh, expires_at=session_end())
        return fresh if renewed else None


class Session(Owned):
    """One sign-in. Its tokens are good as long as the row exists and hasn't expired."""

    refresh_id = models.UUIDField(default=uuid4, editable=False)
    expires_at = models.DateTimeField(default=session_end)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment, misc]

    class Meta:
        constraints = [
            *Owned.Meta.constraints,
            Audited(name="accounts_session_audited", noun="session", masked=["refresh_id"]),
        ]
        indexes = [models.Index(fields=["expires_at"], name="accounts_session_expires")]

    def __str__(self) -> str:
        return f"session {self.pk}"
