"""Who may do what is on record, too: Django's own tables of groups and permissions."""

from django.db import migrations

from audit.triggers import Audited

RIGHTS = {
    "accounts_user_groups": Audited(name="accounts_user_groups_audited", noun="membership", owner="user_id"),
    "accounts_user_user_permissions": Audited(
        name="accounts_user_permissions_audited", noun="permission", owner="user_id"
    ),
    "auth_group": Audited(name="auth_group_audited", noun="group", owner=""),
    "auth_group_permissions": Audited(name="auth_group_permissions_audited", noun="group_permission", owner=""),
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("audit", "0002_sealing")]

    operations = [
        migrations.RunSQL(rule.statements_for(table), rule.removal_for(table)) for table, rule in RIGHTS.items()
    ]
