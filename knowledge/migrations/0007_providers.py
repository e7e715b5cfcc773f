"""The keys by which providers are asked."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import audit.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0006_vectors"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderKey",
            fields=[
                ("id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("key", models.BinaryField(null=True)),
                ("fingerprint", models.CharField(max_length=16)),
                ("set_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("valid", models.BooleanField(null=True)),
                ("last_checked_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=100)),
                (
                    "set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "embedding provider",
                "verbose_name_plural": "embedding provider",
                "constraints": [
                    audit.triggers.Audited(
                        masked=("key", "fingerprint"),
                        name="knowledge_providerkey_audited",
                        noun="provider",
                        omitted=("last_checked_at",),
                        owner="",
                    )
                ],
            },
        ),
    ]
