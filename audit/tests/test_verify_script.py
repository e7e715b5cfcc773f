"""What a third party learns from docs/verify_audit.py, run as they run it: alone, isolated, on files."""

import json
import subprocess
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audit.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from audit.note import Checkpoint, Signer

SCRIPT = Path(__file__).resolve().parents[2] / "docs/verify_audit.py"
ORIGIN = "daybook.example/log"
SIGNER = Signer(ORIGIN, bytes(32))
OTHER = Signer(ORIGIN, bytes(range(32)))
KEY = SIGNER.verifier.vkey
BEFORE, AFTER = "what it said", "what it says: naïve"
SALTS = [sha256(b"before").digest(), sha256(b"after").digest()]
Answer = dict[str, Any]

slowly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def leaf(number: int, **fields: object) -> str:
    commitments = [
        base64(sha256(salt + text.encode()).digest()) for salt, text in zip(SALTS, (BEFORE, AFTER), strict=True)
    ]
    event = {
        "version": 1,
        "id": f"019a0000-0000-7000-8000-{number:012}",
        "actor": "019a0000-0000-7000-8000-00000000000a",
        "user_agent": "\x1b[2J\u202ea browser",
        "action": "document.updated",
        "changes": {"title": ["Old", "New"], "content": ["•••", "•••"], "note": [None, "•••"]},
        "commitments": {
            "content": commitments,
            "note": [None, commitments[1]],
            "lost": commitments,
            "nothing": [None, None],
        },
        "detail": {},
    }
    return json.dumps(event | fields, ensure_ascii=False)


class Log:
    """A log as the server keeps it."""

    def __init__(self, leaves: list[str]) -> None:
        self.leaves = leaves
        self.levels: dict[int, list[bytes]] = {0: [leaf_hash(text.encode()) for text in leaves]}
        frontier = Frontier()
        for node in self.levels[0]:
            for level, _, completed in frontier.append(node):
                self.levels.setdefault(level, []).append(completed)

    def hashes(self, level: int, start: int, stop: int) -> list[bytes]:
        return self.levels[level][start:stop]

    def root(self, size: int) -> bytes:
        return Frontier.load(size, self.hashes).root()

    def note(self, size: int, signer: Signer = SIGNER, origin: str = ORIGIN) -> str:
        return signer.sign(Checkpoint(origin, size, self.root(size)).text())

    def proof(self, index: int, size: int) -> Answer:
        """The answer of /audit/events/{id}/proof."""
        return {
            "leaf": self.leaves[index],
            "leaf_index": index,
            "tree_size": size,
            "hashes": [base64(node) for node in inclusion_proof(index, size, self.hashes)],
            "checkpoint": self.note(size),
            "salts": {
                "content": [base64(salt) for salt in SALTS],
                "note": [None, base64(SALTS[1])],
                "nothing": [None, None],
            },
        }

    def latest(self, since: int, size: int, signer: Signer = SIGNER) -> Answer:
        """The answer of /audit/checkpoints/latest."""
        return {
            "origin": ORIGIN,
            "size": size,
            "root_hash": base64(self.root(size)),
            "note": self.note(size, signer),
            "key": signer.verifier.vkey,
            "consistency": [base64(node) for node in consistency_proof(since, size, self.hashes)],
        }


LOG = Log([leaf(number) for number in range(300)])
FORK = Log([leaf(number, actor="nobody" if number == 3 else "somebody") for number in range(20)])


class Desk:
    """Somebody with a directory, Python, and the script."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def put(self, name: str, content: object) -> str:
        """A file: bytes and texts as they are, anything else as JSON."""
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        (self.directory / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    def run(self, *arguments: str, python: tuple[str, ...] = ("-I",)) -> tuple[int, str]:
        """The exit code and all that was said, which is never a traceback."""
        command = [sys.executable, *python, str(SCRIPT), *arguments]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, encoding="utf-8", check=False)
        assert "Traceback" not in done.stderr
        assert done.returncode in (0, 1, 2)
        assert done.returncode == 2 or done.stderr == ""
        return done.returncode, done.stdout + done.stderr

    def event(self, answer: object, *arguments: str) -> tuple[int, str]:
        return self.run("event", self.put("proof.json", answer), "--key", KEY, *arguments)

    def checkpoints(self, old: object, new: object, *arguments: str) -> tuple[int, str]:
        return self.run("checkpoints", self.put("old", old), self.put("new.json", new), "--key", KEY, *arguments)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (5, 9), (8, 9), (255, 256), (256, 257), (0, 300), (299, 300)])
def test_an_event_of_the_log_is_proved_and_shown(desk: Desk, index: int, size: int) -> None:
    code, said = desk.event(LOG.proof(index, size))

    assert code == 0
    lines = said.splitlines()
    signer = f"{ORIGIN}+{SIGNER.verifier.key_id.hex()}"
    assert lines[:2] == [
        f"Proved: The checkpoint of {ORIGIN} ({size} events) is signed by {signer}.",
        f"Proved: Its log holds the event below, at index {index}.",
    ]
    shown = {name: value.strip() for name, _, value in (line.strip().partition(" ") for line in lines[2:])}
    assert shown["id"].endswith(f"{index:012}")
    assert shown["changes.title"] == '["Old", "New"]'


def test_what_a_checkpoint_remarks_is_shown(desk: Desk) -> None:
    note = SIGNER.sign(Checkpoint(ORIGIN, 9, LOG.root(9), ("sealed 2026-11-21T16:00:00Z", "by \u202e")).text())

    code, said = desk.event(LOG.proof(5, 9) | {"checkpoint": note})

    assert code == 0
    assert r"(9 events, sealed 2026-11-21T16:00:00Z, by \u202e) is signed by" in said


def test_what_an_event_says_does_not_reach_the_terminal_as_a_command(desk: Desk) -> None:
    _, said = desk.event(LOG.proof(5, 9))

    assert r"\x1b[2J\u202ea browser" in said
    assert all(character.isprintable() or character == "\n" for character in said)


def test_a_terminal_without_unicode_gets_escapes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    proof = desk.put("proof.json", LOG.proof(5, 9))

    code, said = desk.run("event", proof, "--key", KEY, python=("-I", "-X", "utf8=0"))

    assert code == 0 and r"\u2022" in said and said.isascii()


def test_an_event_is_proved_for_machines(desk: Desk) -> None:
    code, said = desk.event(LOG.proof(5, 9), "--json", "--value", f"content={desk.put('a', AFTER)}")

    answer = json.loads(said)
    assert (code, answer["verdict"], answer["event"]) == (0, "proved", json.loads(LOG.leaves[5]))
    assert answer["claims"][2] == "a is the value of content after the event."


def test_the_masked_values_are_proved(desk: Desk) -> None:
    desk.put("before", BEFORE)
    desk.put("after", AFTER)

    code, said = desk.event(
        LOG.proof(5, 9), "--value", "content=before", "--value", "content=after", "--value", "note=after"
    )

    assert code == 0
    assert "Proved: before is the value of content before the event.\n" in said
    assert "Proved: after is the value of content after the event.\n" in said
    assert "Proved: after is the value of note after the event.\n" in said


def test_a_value_that_stayed_is_both(desk: Desk) -> None:
    commitments = {"content": [base64(sha256(salt + b"same").digest()) for salt in SALTS]}
    answer = Log([leaf(0, commitments=commitments)]).proof(0, 1)

    assert (
        "same is the value of content before and after the event"
        in desk.event(answer, "--value", f"content={desk.put('same', 'same')}")[1]
    )


@pytest.mark.parametrize(
    ("value", "content"), [("content", AFTER + "\n"), ("content", ""), ("note", BEFORE), ("nothing", "")]
)
def test_another_value_is_disproved(desk: Desk, value: str, content: str) -> None:
    code, said = desk.event(LOG.proof(5, 9), "--value", f"{value}={desk.put('other', content)}")

    assert (code, said) == (
        1,
        f"Disproved: other is, byte for byte, the value of {value} neither before nor after the event.\n",
    )


@pytest.mark.parametrize("value", ["title=after", "lost=after", "content=missing", "content", "=after", "content=."])
def test_a_value_that_cannot_be_checked_is_unusable(desk: Desk, value: str) -> None:
    desk.put("after", AFTER)

    code, said = desk.event(LOG.proof(5, 9), "--value", value)

    assert code == 2
    assert said.startswith("Unusable: ") and said.count("\n") == 1


def test_a_salt_that_takes_in_the_beginning_of_the_value_is_unusable(desk: Desk) -> None:
    answer = LOG.proof(5, 9)
    answer["salts"]["content"][1] = base64(SALTS[1] + AFTER[:5].encode())

    code, said = desk.event(answer, "--value", f"content={desk.put('end', AFTER[5:])}")

    assert (code, said) == (2, "Unusable: 'salts' is not the base64 of 32 bytes.\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"leaf": leaf(5, actor="somebody else")}, "The event is not in the log"),
        ({"leaf": "nonsense"}, "The event is not in the log"),
        ({"leaf_index": 4}, "The event is not in the log"),
        ({"leaf_index": 8}, "too few or too many hashes"),
        ({"leaf_index": 9}, "has 9 events, not 9 with one at 9"),
        ({"leaf_index": -1}, "has 9 events, not 9 with one at -1"),
        ({"tree_size": 10}, "has 9 events, not 10"),
        ({"checkpoint": LOG.note(10)}, "has 10 events, not 9"),
        ({"checkpoint": FORK.note(9)}, "The event is not in the log"),
        ({"checkpoint": LOG.note(9, OTHER)}, "none of the keys given"),
        ({"checkpoint": LOG.note(9).replace("\n9\n", "\n09\n")}, "that key has not signed it"),
        ({"checkpoint": LOG.note(9).replace("\n9\n", "\n9\n\n")}, "that key has not signed it"),
        ({"hashes": LOG.proof(5, 9)["hashes"][::-1]}, "The event is not in the log"),
        ({"hashes": LOG.proof(5, 9)["hashes"][:-1]}, "too few or too many hashes"),
        ({"hashes": LOG.proof(5, 9)["hashes"] * 2}, "too few or too many hashes"),
        ({"hashes": []}, "too few or too many hashes"),
    ],
)
def test_an_event_that_was_tampered_with_is_disproved(desk: Desk, change: Answer, reason: str) -> None:
    code, said = desk.event(LOG.proof(5, 9) | change)

    assert code == 1
    assert said.startswith("Disproved: ") and reason in said


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        b"\xff\xfe",
        "\ufeff{}",
        "[" * 100_000,
        '{"leaf": "a", "leaf": "b"}',
        '{"leaf_index": ' + "9" * 5000 + "}",
        {},
        *(
            {**LOG.proof(5, 9), name: value}
            for name in LOG.proof(5, 9)
            if name != "salts"
            for value in (None, True, 5.0, {})
        ),
        LOG.proof(5, 9) | {"hashes": ["AAAA"]},
        LOG.proof(5, 9) | {"hashes": [base64(bytes(32))[:-2] + "B="]},  # bits that no byte has
        LOG.proof(5, 9) | {"hashes": [None]},
        LOG.proof(5, 9) | {"hashes": ["é"]},
        LOG.proof(5, 9) | {"leaf": "\ud800"},
        LOG.proof(5, 9) | {"checkpoint": "\ud800"},
        LOG.proof(5, 9) | {"checkpoint": LOG.note(9).replace(ORIGIN, "\ud800", 1)},
        LOG.proof(5, 9) | {"checkpoint": LOG.note(9)[:-1]},
        LOG.proof(5, 9) | {"checkpoint": LOG.note(9).replace("—", "-")},
        LOG.proof(5, 9) | {"checkpoint": SIGNER.sign("neither\norigin\nnor size\n")},
        LOG.proof(5, 9) | {"checkpoint": SIGNER.sign(f"{ORIGIN}\n9\nAAAA\n")},
        LOG.proof(5, 9) | {"checkpoint": SIGNER.sign(f"\n9\n{base64(LOG.root(9))}\n")},
        LOG.proof(5, 9) | {"checkpoint": SIGNER.sign(f"{ORIGIN}\n9\n{base64(LOG.root(9))}\n\n")},
        LOG.proof(5, 9) | {"checkpoint": SIGNER.sign(f"{ORIGIN}\n{'9' * 5000}\n{base64(bytes(32))}\n")},
        Log(["no JSON"]).proof(0, 1),
        Log(["5"]).proof(0, 1),
        Log(['{"actor": "a", "actor": "b"}']).proof(0, 1),
        Log(['{"detail": ' + "[" * 100_000 + "]" * 100_000 + "}"]).proof(0, 1),
    ],
)
def test_a_malformed_answer_is_unusable(desk: Desk, content: object) -> None:
    code, said = desk.event(content)

    assert code == 2
    assert said.startswith("Unusable: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    "key", ["", "a", "a+b", KEY[:-4], KEY.replace("log", "lag"), f"{KEY}é", "\udcff+aaaaaaaa+AAAA"]
)
def test_a_malformed_key_is_unusable(desk: Desk, key: str) -> None:
    code, said = desk.run("event", desk.put("proof.json", LOG.proof(5, 9)), "--key", key)

    assert code == 2
    assert said.startswith("Unusable: ") and said.count("\n") == 1


def test_a_missing_file_is_unusable_for_machines_too(desk: Desk) -> None:
    code, said = desk.run("event", "nowhere.json", "--key", KEY, "--json")

    assert code == 2
    assert json.loads(said) == {"verdict": "unusable", "reason": "[Errno 2] No such file or directory: 'nowhere.json'"}


def test_what_is_disproved_is_so_for_machines_too(desk: Desk) -> None:
    code, said = desk.event(LOG.proof(5, 9) | {"hashes": []}, "--json")

    assert (code, json.loads(said)["verdict"]) == (1, "disproved")


@pytest.mark.parametrize(("old", "new"), [(0, 9), (1, 9), (6, 8), (8, 9), (9, 9), (255, 257), (256, 300), (299, 300)])
def test_a_log_that_grew_is_proved_to_have_grown(desk: Desk, old: int, new: int) -> None:
    code, said = desk.checkpoints(LOG.note(old), LOG.latest(old, new))

    assert code == 0
    assert f"Proved: The newer log begins with the same {old} events as the older.\n" in said


def test_the_checkpoint_kept_may_be_an_answer_of_the_server(desk: Desk) -> None:
    assert desk.checkpoints(LOG.latest(0, 6), LOG.latest(6, 9))[0] == 0


def test_a_log_whose_key_was_rotated_is_proved_with_both_keys(desk: Desk) -> None:
    files = LOG.note(6), LOG.latest(6, 9, OTHER)

    assert desk.checkpoints(*files, "--key", OTHER.verifier.vkey)[0] == 0
    code, said = desk.checkpoints(*files)
    assert code == 1 and "none of the keys given" in said


@pytest.mark.parametrize("signatures", [slice(None), slice(None, None, -1)])
def test_a_known_key_must_have_signed_whoever_else_has(desk: Desk, signatures: slice) -> None:
    text = LOG.note(9).rpartition("\n\n")[0]
    lines = [LOG.note(9).splitlines()[-1], LOG.note(8).splitlines()[-1]][signatures]

    code, said = desk.event(LOG.proof(5, 9) | {"checkpoint": "\n".join([text, "", *lines, ""])})

    assert code == 1 and "that key has not signed it" in said


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (FORK.note(6), LOG.latest(6, 9), "the past was changed"),
        (FORK.note(9), LOG.latest(9, 9), "the past was changed"),
        (FORK.note(4), LOG.latest(4, 9), "the past was changed"),
        (LOG.note(12), LOG.latest(9, 9), "The log has shrunk, from 12 events to 9."),
        (LOG.note(6, origin="elsewhere"), LOG.latest(6, 9), f"two logs: elsewhere and {ORIGIN}"),
        (LOG.note(6), LOG.latest(5, 9), "too few or too many hashes"),
        (LOG.note(9), LOG.latest(6, 9), "too few or too many hashes"),
        (LOG.note(6), LOG.latest(6, 9) | {"consistency": []}, "too few or too many hashes"),
        (LOG.note(6), LOG.latest(6, 9) | {"consistency": [base64(bytes(32))] * 4}, "the past was changed"),
        (LOG.note(6), LOG.latest(6, 9) | {"size": 10}, "another origin, size or root_hash"),
        (LOG.note(6), LOG.latest(6, 9) | {"root_hash": base64(bytes(32))}, "another origin, size or root_hash"),
        (LOG.note(6), LOG.latest(6, 9) | {"origin": "elsewhere"}, "another origin, size or root_hash"),
        (SIGNER.sign(f"{ORIGIN}\n0\n{base64(bytes(32))}\n"), LOG.latest(0, 9), "the past was changed"),
        (LOG.note(6, OTHER), LOG.latest(6, 9), "none of the keys given"),
        (LOG.note(6), LOG.latest(6, 9, OTHER), "none of the keys given"),
    ],
)
def test_a_log_that_did_not_only_grow_is_disproved(desk: Desk, old: str, new: Answer, reason: str) -> None:
    code, said = desk.checkpoints(old, new)

    assert code == 1
    assert said.startswith("Disproved: ") and reason in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", LOG.latest(6, 9)),
        ("{", LOG.latest(6, 9)),
        ({"note": 5}, LOG.latest(6, 9)),
        (b"\xff", LOG.latest(6, 9)),
        (LOG.note(6), LOG.note(9)),
        (LOG.note(6), {}),
        (LOG.note(6), {**LOG.latest(6, 9), "consistency": None}),
        (LOG.note(6), {**LOG.latest(6, 9), "consistency": [5]}),
    ],
)
def test_malformed_checkpoints_are_unusable(desk: Desk, old: object, new: object) -> None:
    code, said = desk.checkpoints(old, new)

    assert code == 2
    assert said.startswith("Unusable: ") and said.count("\n") == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mangled(draw: st.DrawFn, value: Any) -> Any:
    """The same JSON value with one thing changed, somewhere."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
        key: Any = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        copy = value.copy()
        copy[key] = draw(mangled(value[key]))
        return copy
    if isinstance(value, str) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return value[:place] + draw(st.text(max_size=2)) + value[place + 1 :]
    return draw(JSON)


@slowly
@given(data=st.data())
def test_no_mangled_proof_breaks_the_script_or_proves_another_event(desk: Desk, data: st.DataObject) -> None:
    answer = data.draw(mangled(LOG.proof(5, 9)))

    code, said = desk.event(answer, "--json", "--value", f"content={desk.put('after', AFTER)}")

    verdict = json.loads(said)
    assert ("proved", "disproved", "unusable")[code] == verdict["verdict"]
    if code == 0:
        assert answer["leaf"] == LOG.leaves[5] and answer["leaf_index"] == 5
        assert b64decode(answer["salts"]["content"][1]) == SALTS[1]


@slowly
@given(data=st.data())
def test_no_changed_leaf_is_proved(desk: Desk, data: st.DataObject) -> None:
    answer = LOG.proof(5, 9)
    place = data.draw(st.integers(0, len(answer["leaf"]) - 1))
    changed = answer["leaf"][:place] + data.draw(st.text(max_size=2)) + answer["leaf"][place + 1 :]
    assume(changed != answer["leaf"])

    code, said = desk.event(answer | {"leaf": changed})

    assert code == 1 and "The event is not in the log" in said


@slowly
@given(data=st.data())
def test_no_mangled_file_breaks_the_script_or_proves_another_growth(desk: Desk, data: st.DataObject) -> None:
    old, new = LOG.note(6), LOG.latest(6, 9)
    if data.draw(st.booleans()):
        new = data.draw(mangled(new))
    else:
        old = data.draw(mangled(old).filter(lambda text: isinstance(text, str)))

    code, _ = desk.checkpoints(old.encode(errors="surrogatepass"), new)

    if code == 0:
        assert old.rpartition("\n\n")[0] == LOG.note(6).rpartition("\n\n")[0]
        assert {**new, "key": None} == {**LOG.latest(6, 9), "key": None}


@slowly
@given(content=st.binary(max_size=200) | st.text().map(str.encode))
def test_no_file_breaks_the_script(desk: Desk, content: bytes) -> None:
    assert desk.event(content)[0] == 2
    assert desk.checkpoints(content, content)[0] == 2


@pytest.mark.parametrize("command", [(), ("event",), ("checkpoints",)])
def test_the_help_says_what_is_not_proved(desk: Desk, command: tuple[str, ...]) -> None:
    code, said = desk.run(*command, "--help")

    assert code == 0
    assert "not that what was recorded is true" in said
    assert "keep the checkpoints that you are given" in said


@pytest.mark.parametrize("arguments", [(), ("event",), ("event", "proof.json"), ("else",)])
def test_a_wrong_command_line_is_neither_a_proof_nor_a_disproof(desk: Desk, arguments: tuple[str, ...]) -> None:
    assert desk.run(*arguments)[0] == 2


def test_without_cryptography_the_script_says_what_is_missing(desk: Desk) -> None:
    code, said = desk.run("--help", python=("-I", "-S"))

    assert (code, said) == (2, "verify_audit.py needs the package cryptography: python -m pip install cryptography\n")
