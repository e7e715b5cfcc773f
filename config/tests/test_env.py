"""The declaration: how an environment is detected, read, judged and reported."""

import secrets
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.env import DECLARED, PROJECT_ROOT, Environment
from config.env_source import RAILWAY_MARKERS
from config.env_values import ConfigurationError


def production(**changes: str) -> dict[str, str]:
    """The variables of a sound production instance, with changes."""
    return {
        "DAYBOOK_ENV": "production",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "AUDIT_SIGNING_KEY": secrets.token_urlsafe(32),
        "DATABASE_URL": "postgresql://daybook@db.railway.internal/daybook",
        "ALLOWED_HOSTS": "api.example.com",
        **changes,
    }


def problems(environ: dict[str, str]) -> dict[str, str]:
    """The problems of an environment by variable: what is wrong, and the mend."""
    try:
        Environment.load(environ)
    except ConfigurationError as error:
        return {each.variable: f"{each.problem} | {each.mend}" for each in error.problems}
    return {}


def test_env_nothing_set_is_development_with_its_defaults() -> None:
    env = Environment.load({})
    assert (env.is_development, env.is_test, env.is_production, env.is_railway) == (True, False, False, False)
    assert env.data_dir == PROJECT_ROOT / ".daybook"
    assert env.allowed_hosts == ["localhost", "127.0.0.1", "[::1]"]
    assert (env.PORT, env.WEB_CONCURRENCY, env.WEB_THREADS) == (8000, 2, 4)
    assert (env.LOG_LEVEL, env.log_format) == ("INFO", "console")
    assert (env.CORS_ALLOWED_ORIGINS, env.CSRF_TRUSTED_ORIGINS) == ((), ())
    assert env.database() == {}
    assert (env.AUDIT_ORIGIN, env.AUDIT_TRUSTED_KEYS, env.audit_checkpoint_dir) == ("daybook", (), None)
    assert (env.AUDIT_SEAL_SECONDS, env.AUDIT_RETENTION_DAYS, env.AUDIT_SEARCH_TEXT) == (10, 2192, "withheld")
    assert env.DJANGO_SECRET_KEY is env.JWT_SECRET_KEY is env.BETTER_AUTH_SECRET is env.AUDIT_SIGNING_KEY is None


def test_env_under_pytest_is_test_with_its_own_data() -> None:
    env = Environment.load({"PYTEST_VERSION": "9"})
    assert env.is_test
    assert env.data_dir == PROJECT_ROOT / ".daybook/test"


@pytest.mark.parametrize("marker", RAILWAY_MARKERS)
def test_env_on_railway_is_production(marker: str) -> None:
    sound = production(RAILWAY_PUBLIC_DOMAIN="daybook.up.railway.app", PYTEST_VERSION="9", **{marker: "x"})
    del sound["DAYBOOK_ENV"]
    env = Environment.load(sound)
    assert env.is_production
    assert env.is_railway
    assert env.log_format == "json"
    assert env.allowed_hosts == ["api.example.com", "daybook.up.railway.app", "healthcheck.railway.app"]


def test_env_explicit_wins_over_detection() -> None:
    assert Environment.load({"DAYBOOK_ENV": " Test ", "LOG_FORMAT": "JSON"}).is_test
    assert Environment.load({"DAYBOOK_ENV": "development", "PYTEST_VERSION": "9"}).is_development
    assert Environment.load(production(PYTEST_VERSION="9")).is_production


@pytest.mark.parametrize("explicit", ["development", "test"])
def test_env_explicit_debug_on_railway_is_refused_and_judged_as_production(explicit: str) -> None:
    found = problems({"DAYBOOK_ENV": explicit, "RAILWAY_PROJECT_ID": "x"})
    assert "RAILWAY_PROJECT_ID" in found["DAYBOOK_ENV"]
    assert "JWT_SECRET_KEY" in found


def test_env_unknown_environment_is_judged_as_what_it_resembles() -> None:
    assert problems({"DAYBOOK_ENV": "prod"}).keys() > {"DAYBOOK_ENV", "DATABASE_URL", "ALLOWED_HOSTS"}
    assert problems({"DAYBOOK_ENV": "dev"}).keys() == {"DAYBOOK_ENV"}
    assert problems({"DAYBOOK_ENV": "zzz"}).keys() == {"DAYBOOK_ENV"}
    assert "DATABASE_URL" in problems({"DAYBOOK_ENV": "dev", "RAILWAY_ENVIRONMENT": "x"})


def test_env_production_without_anything_tells_all_that_is_missing() -> None:
    required = {name for name, declared in DECLARED.items() if declared.required_in_production}
    assert required == {
        "DJANGO_SECRET_KEY",
        "JWT_SECRET_KEY",
        "AUDIT_SIGNING_KEY",
        "DATABASE_URL",
        "ALLOWED_HOSTS",
    }
    assert problems({"DAYBOOK_ENV": "production"}).keys() == required


def test_env_production_without_the_key_of_the_record_is_refused() -> None:
    found = problems(production(AUDIT_SIGNING_KEY=""))
    assert found.keys() == {"AUDIT_SIGNING_KEY"}
    assert "token_urlsafe(32)" in found["AUDIT_SIGNING_KEY"]


def test_env_production_with_a_railway_domain_needs_no_allowed_hosts() -> None:
    env = Environment.load(production(ALLOWED_HOSTS="", RAILWAY_PUBLIC_DOMAIN="daybook.up.railway.app"))
    assert env.allowed_hosts == ["daybook.up.railway.app"]


def test_env_empty_and_blank_values_count_as_absent() -> None:
    assert Environment.load({"PORT": "", "LOG_LEVEL": "  ", "DAYBOOK_ENV": "", "JWT_SECRET_KEY": " "}).PORT == 8000
    assert "is missing" in problems(production(JWT_SECRET_KEY=" "))["JWT_SECRET_KEY"]


def test_env_error_tells_every_problem_in_readable_text() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Environment.load({"PORT": "none", "LOG_LEVEL": "loud"})
    assert str(caught.value) == (
        "Daybook can't start: 2 problems in its configuration.\n\n"
        "LOG_LEVEL\n    problem: 'loud' isn't allowed\n"
        "    mend:    set it to one of DEBUG, INFO, WARNING, ERROR, CRITICAL\n\n"
        "PORT\n    problem: 'none' isn't a whole number\n"
        "    mend:    set it to a whole number from 1 to 65535"
    )
    assert "1 problem in" in str(ConfigurationError(caught.value.problems[:1]))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("LOG_LEVEL", " warning ", "WARNING"),
        ("LOG_FORMAT", "Console", "console"),
        ("PORT", " 65535 ", 65535),
        ("WEB_THREADS", "64", 64),
        ("DAYBOOK_DATA_DIR", " /data ", Path("/data")),
        ("AUDIT_CHECKPOINT_DIR", " /mnt/checkpoints ", Path("/mnt/checkpoints")),
        ("AUDIT_ORIGIN", " daybook.example.com ", "daybook.example.com"),
        ("AUDIT_SEAL_SECONDS", "3600", 3600),
        ("AUDIT_RETENTION_DAYS", "31", 31),
        ("AUDIT_SEARCH_TEXT", "Recorded", "recorded"),
        ("ALLOWED_HOSTS", "a.example, .b.example,[::1],*,", ("a.example", ".b.example", "[::1]", "*")),
        (
            "CORS_ALLOWED_ORIGINS",
            "http://localhost:3000,https://a-b.example",
            ("http://localhost:3000", "https://a-b.example"),
        ),
    ],
)
def test_env_sound_text_becomes_a_value(name: str, text: str, value: object) -> None:
    assert getattr(Environment.load({name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "65"),
        ("LOG_FORMAT", "xml"),
        ("ALLOWED_HOSTS", "https://a.example"),
        ("ALLOWED_HOSTS", "a.example:443"),
        ("ALLOWED_HOSTS", "a.example/path"),
        ("ALLOWED_HOSTS", "*.a.example"),
        ("ALLOWED_HOSTS", "a.example, ,b.example"),
        ("RAILWAY_PUBLIC_DOMAIN", "https://a.example"),
        ("CORS_ALLOWED_ORIGINS", "a.example"),
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("CORS_ALLOWED_ORIGINS", "null"),
        ("CORS_ALLOWED_ORIGINS", "https://*.a.example"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/path"),
        ("CORS_ALLOWED_ORIGINS", "https://A.example"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example:443"),
        ("CORS_ALLOWED_ORIGINS", "http://a.example:80"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example:65536"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example:0"),
        ("CORS_ALLOWED_ORIGINS", "ftp://a.example"),
        ("CSRF_TRUSTED_ORIGINS", "https://user@a.example"),
        ("AUDIT_SIGNING_KEY", "changeme"),
        ("AUDIT_TRUSTED_KEYS", "daybook+00000000+AQ=="),
        ("AUDIT_ORIGIN", "day book"),
        ("AUDIT_ORIGIN", "day+book"),
        ("AUDIT_SEAL_SECONDS", "0"),
        ("AUDIT_SEAL_SECONDS", "3601"),
        ("AUDIT_RETENTION_DAYS", "30"),
        ("AUDIT_RETENTION_DAYS", "36501"),
        ("AUDIT_RETENTION_DAYS", "six years"),
        ("AUDIT_SEARCH_TEXT", "hashed"),
    ],
)
def test_env_unsound_text_is_a_problem_of_its_variable_alone(name: str, text: str) -> None:
    assert problems({name: text}).keys() == {name}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ALLOWED_HOSTS", "*"),
        ("CORS_ALLOWED_ORIGINS", "http://app.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "http://localhost:3000"),
    ],
)
def test_env_what_development_allows_and_production_refuses(name: str, text: str) -> None:
    assert problems({name: text}) == {}
    assert problems(production(**{name: text})).keys() == {name}


def test_env_directories_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert Environment.load({"DAYBOOK_DATA_DIR": "~/daybook"}).data_dir == Path("/home/ada/daybook")
    assert Environment.load({"AUDIT_CHECKPOINT_DIR": "~/seals"}).audit_checkpoint_dir == Path("/home/ada/seals")


def test_env_checkpoint_dir_is_relative_to_the_project() -> None:
    assert Environment.load({"AUDIT_CHECKPOINT_DIR": "seals"}).audit_checkpoint_dir == PROJECT_ROOT / "seals"


def test_env_misspelt_variable_names_the_closest() -> None:
    found = problems({"DAYBOOK_DATADIR": "/data", "DAYBOOKS": "x", "OTHER": "x"})
    assert found.keys() == {"DAYBOOK_DATADIR"}
    assert "DAYBOOK_DATA_DIR" in found["DAYBOOK_DATADIR"]


def test_env_production_two_purposes_may_not_share_a_secret() -> None:
    one = secrets.token_urlsafe(48)
    assert problems(production(JWT_SECRET_KEY=one, BETTER_AUTH_SECRET=one)).keys() == {"BETTER_AUTH_SECRET"}
    assert problems(production(JWT_SECRET_KEY=one, DJANGO_SECRET_KEY=one)).keys() == {"JWT_SECRET_KEY"}


@pytest.mark.parametrize("other", ["DJANGO_SECRET_KEY", "JWT_SECRET_KEY", "BETTER_AUTH_SECRET"])
def test_env_key_of_the_record_may_not_be_another_secret(other: str) -> None:
    one = secrets.token_urlsafe(32)
    found = problems(production(AUDIT_SIGNING_KEY=one) | {other: one})
    assert found.keys() == {"AUDIT_SIGNING_KEY"}
    assert other in found["AUDIT_SIGNING_KEY"]
    assert "token_urlsafe(32)" in found["AUDIT_SIGNING_KEY"]
    assert one not in found["AUDIT_SIGNING_KEY"]


def test_env_white_space_belongs_to_a_secret_only() -> None:
    key = secrets.token_urlsafe(48)
    assert problems(production(JWT_SECRET_KEY=f" {key}", PORT=" 80 ")).keys() == {"JWT_SECRET_KEY"}


def test_env_production_better_auth_is_optional_but_strong() -> None:
    assert problems(production(BETTER_AUTH_SECRET=secrets.token_urlsafe(48))) == {}
    assert problems(production(BETTER_AUTH_SECRET="short")).keys() == {"BETTER_AUTH_SECRET"}


def test_env_is_immutable_and_its_repr_holds_no_secret() -> None:
    sound = production(DATABASE_URL="postgresql://u:hunter2@db.railway.internal/daybook")
    env = Environment.load(sound)
    shown = repr(env)
    hidden = {name for name in sound if sound[name] in shown}
    assert hidden == {"DAYBOOK_ENV", "ALLOWED_HOSTS"}
    assert "hunter2" not in shown
    with pytest.raises(FrozenInstanceError):
        env.PORT = 1  # type: ignore[misc]


@given(
    name=st.sampled_from(sorted(DECLARED)),
    secret=st.text("abcdefghij/#?@:%[]$ ", min_size=1, max_size=20).map("hunter2{}".format),
    template=st.sampled_from(
        ["{}", "$%s", "postgres://u:{}@h/d", "mysql://u:{}@h/d", "postgres://u:{}@h:x/d", "u:{}@h"]
    ),
)
def test_env_no_message_holds_a_password(name: str, secret: str, template: str) -> None:
    url = template.replace("%s", "{}").format(secret)
    is_plain = "@" not in template and not DECLARED[name].secret and name != "DATABASE_URL"
    with pytest.raises(ConfigurationError) as caught:
        Environment.load({"DAYBOOK_ENV": "production", name: url})
    assert is_plain or "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
