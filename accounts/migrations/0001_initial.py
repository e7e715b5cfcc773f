"""Users and sessions, and the trigger that keeps `updated_at`."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import accounts.models
import accounts.ownership
import audit.triggers

STAMP = """
CREATE FUNCTION accounts_stamp() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        # The role, and the function that writes the record.
        ("audit", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunSQL(STAMP, "DROP FUNCTION accounts_stamp()"),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.ownership.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail address")),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=False, verbose_name="may use the admin")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.ownership.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("refresh_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("expires_at", models.DateTimeField(default=accounts.models.session_end)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                fields=("email",),
                name="accounts_user_email",
                violation_error_code="email_taken",
                violation_error_message="This e-mail address has an account already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="accounts_user_email_lower",
                violation_error_message="An e-mail address is stored in lower case.",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=accounts.ownership.Isolated(grants=("SELECT",), name="accounts_user_isolated", owner="id"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=accounts.ownership.Stamped(name="accounts_user_stamped"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=audit.triggers.Audited(
                masked=("email", "password"),
                name="accounts_user_audited",
                noun="user",
                omitted=("updated_at",),
                owner="id",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["expires_at"], name="accounts_session_expires"),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.UniqueConstraint(fields=("owner", "id"), name="accounts_session_owner"),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT", "INSERT", "UPDATE", "DELETE"),
                name="accounts_session_isolated",
                owner="owner_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=accounts.ownership.Stamped(name="accounts_session_stamped"),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=audit.triggers.Audited(
                masked=("refresh_id",),
                name="accounts_session_audited",
                noun="session",
                omitted=("updated_at",),
                owner="owner_id",
            ),
        ),
    ]
