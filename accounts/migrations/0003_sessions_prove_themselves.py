"""Whether a session counts, asked in the prefix of a request's first statement."""

from django.db import migrations

# It runs with its owner's rights: a policy would be one more join, and the auditors' role can't read the tables. It tells
# nothing but that the caller's own claim is right. STABLE, so that it sees what its statement sees: what was committed
# before. SE401 is SESSION_ENDED in accounts.identity.
PROVE = """
CREATE FUNCTION accounts_prove_session(session uuid, owner uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM FROM public.accounts_session JOIN public.accounts_user ON accounts_user.id = accounts_session.owner_id
    WHERE accounts_session.id = session AND accounts_session.owner_id = owner
      AND accounts_session.expires_at > statement_timestamp() AND accounts_user.is_active;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This session has ended.' USING ERRCODE = 'SE401';
    END IF;
END $$;
REVOKE ALL ON FUNCTION accounts_prove_session(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_prove_session(uuid, uuid) TO daybook_app, daybook_auditor;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audited_rights")]

    operations = [migrations.RunSQL(PROVE, "DROP FUNCTION accounts_prove_session(uuid, uuid)")]
