-- Every guard of the record as a pair: what it is and which, and how it is. See guards.py.
-- Names are quoted where they must be, so that no two objects look alike.
WITH relation AS (
    SELECT oid, oid::regclass AS name, starts_with(relname, 'audit_') AS recording,
           relkind, relpersistence, relrowsecurity, relforcerowsecurity, relowner, relacl
    FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
      AND (relnamespace = to_regnamespace('public') AND starts_with(relname, 'audit_')
           OR oid IN (SELECT tgrelid FROM pg_trigger WHERE tgfoid = to_regprocedure('public.audit_write()')))
),
function AS (
    SELECT oid, oid::regprocedure AS name, proowner, proacl
    FROM pg_proc
    WHERE pronamespace = to_regnamespace('public') AND starts_with(proname, 'audit_')
       OR oid IN (SELECT tgfoid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation) AND NOT tgisinternal)
)

SELECT format('table %s', name),
       concat_ws(', ', CASE relkind WHEN 'r' THEN 'plain' WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(oid)
                                    WHEN 'v' THEN 'a view' ELSE 'of kind ' || relkind::text END,
                 CASE relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END)
FROM relation

UNION ALL
SELECT format('row-level security of %s', name),
       concat_ws(', ', CASE WHEN relrowsecurity THEN 'enabled' ELSE 'disabled' END,
                 CASE WHEN relforcerowsecurity THEN 'forced' END)
FROM relation WHERE recording

UNION ALL
SELECT format('column %I of %s', attname, name),
       concat_ws(', ', format_type(atttypid, atttypmod),
                 CASE WHEN attnotnull THEN 'not null' END, CASE WHEN NOT convalidated THEN 'not validated' END,
                 CASE attgenerated WHEN '' THEN 'default ' ELSE 'generated ' END || pg_get_expr(adbin, adrelid),
                 CASE WHEN attidentity <> '' THEN 'identity' END)
FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
LEFT JOIN pg_constraint ON conrelid = attrelid AND conkey = ARRAY[attnum] AND contype = 'n'
WHERE recording

UNION ALL
SELECT format('constraint %I of %s', conname, name), pg_get_constraintdef(pg_constraint.oid)
FROM relation JOIN pg_constraint ON conrelid = relation.oid AND contype <> 'n'
WHERE recording

-- What a statement does to the children of the table that it names fires none of their triggers.
UNION ALL
SELECT format('child %s of %s', inhrelid::regclass, inhparent::regclass),
       coalesce(pg_get_expr(relpartbound, oid), 'inherits')
FROM pg_inherits JOIN pg_class ON oid = inhrelid AND relkind NOT IN ('i', 'I')
WHERE ARRAY[inhrelid, inhparent] && ARRAY(SELECT oid FROM relation)

UNION ALL
SELECT format('trigger %I on %s', tgname, name),
       concat_ws(', ', CASE tgenabled WHEN 'A' THEN 'always' WHEN 'O' THEN 'not on replicas'
                                      WHEN 'R' THEN 'on replicas only' ELSE 'disabled' END,
                 pg_get_triggerdef(pg_trigger.oid))
FROM relation JOIN pg_trigger ON tgrelid = relation.oid AND NOT tgisinternal

UNION ALL
SELECT format('rule %I on %s', rulename, name), pg_get_ruledef(pg_rewrite.oid)
FROM relation JOIN pg_rewrite ON ev_class = relation.oid

UNION ALL
SELECT format('policy %I on %s', polname, name),
       concat_ws(' ', CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
                 'for', CASE polcmd WHEN 'r' THEN 'SELECT' WHEN '*' THEN 'ALL' ELSE polcmd::text END,
                 'to', polroles::regrole[], 'using ' || pg_get_expr(polqual, polrelid),
                 'with check ' || pg_get_expr(polwithcheck, polrelid))
FROM relation JOIN pg_policy ON polrelid = relation.oid
WHERE recording

UNION ALL
SELECT format('function %s', name),
       concat_ws(', ', format('(%s)', pg_get_function_arguments(oid)), 'returns ' || pg_get_function_result(oid),
                 lanname, CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                 CASE WHEN proisstrict THEN 'strict' END, CASE WHEN prosecdef THEN 'security definer' END,
                 array_to_string(proconfig, ', '), 'sha256 ' || encode(sha256(convert_to(body, 'UTF8')), 'hex'))
FROM function JOIN pg_proc USING (oid) JOIN (SELECT oid AS prolang, lanname FROM pg_language) USING (prolang),
     coalesce(pg_get_function_sqlbody(oid), prosrc) AS body

-- Who but the owner may do what. Our own roles are no owners; any other role may be allowed to read.
UNION ALL
SELECT format('grant on %s to %s', name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END),
       string_agg(DISTINCT privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END, ', ')
FROM (
    SELECT name::text, relowner, coalesce(relacl, acldefault('r', relowner)) FROM relation WHERE recording
    UNION ALL
    SELECT format('%s (%I)', name, attname), relowner, attacl
    FROM relation JOIN pg_attribute ON attrelid = relation.oid WHERE recording
    UNION ALL
    SELECT name::text, proowner, coalesce(proacl, acldefault('f', proowner)) FROM function
) AS guarded (name, owner, acl), aclexplode(acl)
WHERE grantee IN (0, to_regrole('daybook_app'), to_regrole('daybook_auditor'))
   OR grantee <> owner AND privilege_type <> 'SELECT'
GROUP BY 1
