"""Signed notes against the examples of Go's package note, and checkpoints against their specification."""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from audit.note import (
    BadSignature,
    Checkpoint,
    MalformedKey,
    MalformedNote,
    NoteError,
    Signer,
    UnknownKey,
    Verifier,
    read_note,
)

# The example in the documentation of golang.org/x/mod/sumdb/note, signed by two.
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
FORGED = PETER.replace("yBwJnAM=", "yBwKnAM=")
ENOCH_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
NOTE = f"{TEXT}\n{PETER}{ENOCH}"

VERIFIERS = {name: Verifier.parse(key) for name, key in {"peter": PETER_KEY, "enoch": ENOCH_KEY}.items()}
SIGNER = Signer("daybook.example/log", bytes(range(32)))
ROOT = sha256(b"root").digest()


def vkey(name: str, key: bytes) -> str:
    key_id = sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    return f"{name}+{key_id}+{b64encode(key).decode()}"


def test_a_key_signs_what_go_signs_with_it() -> None:
    signer = Signer("PeterNeumann", PETER_SEED)

    assert signer.sign(TEXT) == f"{TEXT}\n{PETER}"
    assert signer.verifier.vkey == PETER_KEY
    assert signer.verifier.key_id.hex() == "c74f20a3"


@pytest.mark.parametrize("known", [["peter"], ["enoch"], ["peter", "enoch"], ["enoch", "peter", "peter"]])
def test_a_note_is_read_with_any_of_the_keys_that_signed_it(known: list[str]) -> None:
    assert read_note(NOTE, (VERIFIERS[name] for name in known)) == TEXT


@pytest.mark.parametrize("name", ["peter", "enoch"])
def test_a_key_survives_its_text(name: str) -> None:
    verifier = VERIFIERS[name]

    assert Verifier.parse(verifier.vkey) == verifier
    assert verifier.vkey == {"peter": PETER_KEY, "enoch": ENOCH_KEY}[name]


def test_the_case_of_a_key_id_does_not_matter() -> None:
    assert Verifier.parse(PETER_KEY.replace("c74f20a3", "C74F20A3")) == VERIFIERS["peter"]


def test_no_part_of_a_key_is_a_key() -> None:
    parts = {PETER_KEY[start:stop] for start in range(len(PETER_KEY)) for stop in range(start, len(PETER_KEY) + 1)}
    for part in parts - {PETER_KEY}:
        with pytest.raises(MalformedKey):
            Verifier.parse(part)


@given(st.integers(0, len(PETER_KEY) - 1), st.characters())
def test_no_key_but_for_one_character_is_a_key(place: int, character: str) -> None:
    other = PETER_KEY[:place] + character + PETER_KEY[place + 1 :]
    assume(other[:13] + other[13:21].lower() + other[21:] != PETER_KEY)

    with pytest.raises(MalformedKey):
        Verifier.parse(other)


@pytest.mark.parametrize(
    "text",
    [
        vkey("PeterNeumann", b"\x01" + bytes(31)),
        vkey("PeterNeumann", b"\x01" + bytes(33)),
        vkey("PeterNeumann", b"\x02" + bytes(32)),
        vkey("Peter Neumann", b"\x01" + bytes(32)),
        vkey("Peter\u2003Neumann", b"\x01" + bytes(32)),
        vkey("Peter\x01Neumann", b"\x01" + bytes(32)),
        vkey("", b"\x01" + bytes(32)),
    ],
)
def test_a_key_of_another_kind_or_with_an_unfit_name_is_none(text: str) -> None:
    with pytest.raises(MalformedKey):
        Verifier.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a+b", "a\u00a0b", "\ud800"])
def test_nobody_signs_under_an_unfit_name(name: str) -> None:
    with pytest.raises(MalformedKey, match="name"):
        Signer(name, PETER_SEED)


def test_nobody_signs_with_a_seed_of_another_length() -> None:
    with pytest.raises(MalformedKey, match="32 bytes"):
        Signer("PeterNeumann", PETER_SEED[:31])


@pytest.mark.parametrize("text", ["", "abc", "a\tb\n", "a\r\n", "a\x00\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(MalformedNote):
        SIGNER.sign(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n")))
@example("")
@example("\n")
@example("a text\n\nwith paragraphs\n\n— and a dash\n")
def test_whatever_is_signed_is_read_back(text: str) -> None:
    assert read_note(SIGNER.sign(f"{text}\n"), [SIGNER.verifier]) == f"{text}\n"


@given(st.data())
def test_no_note_but_for_one_character_is_read_as_another(data: st.DataObject) -> None:
    note = f"{TEXT}\n{PETER}"
    place = data.draw(st.integers(0, len(note) - 1))
    other = note[:place] + data.draw(st.characters() | st.sampled_from("\n\r— +=")) + note[place + 1 :]
    assume(other != note)

    with pytest.raises(NoteError):
        read_note(other, VERIFIERS.values())


@pytest.mark.parametrize(
    "signed",
    [
        FORGED,
        f"{ENOCH}{FORGED}",
        f"{PETER}{FORGED}",
        PETER.replace("x08go/ZJ", "x08go/ABCDZJ"),
    ],
)
def test_a_wrong_signature_under_a_known_key_spoils_the_note(signed: str) -> None:
    with pytest.raises(BadSignature, match=r"PeterNeumann\+c74f20a3"):
        read_note(f"{TEXT}\n{signed}", VERIFIERS.values())


def test_a_wrong_signature_under_an_unknown_key_is_passed_over() -> None:
    assert read_note(f"{TEXT}\n{FORGED}{ENOCH}", [VERIFIERS["enoch"]]) == TEXT


@pytest.mark.parametrize(
    "signed",
    [
        PETER,
        ENOCH.replace("EnochRoot", "PeterNeumann"),  # of a known name, but not of its key
        ENOCH.replace("EnochRoot", "Enoch"),
    ],
)
def test_a_note_that_no_known_key_signed_is_refused(signed: str) -> None:
    with pytest.raises(UnknownKey, match="signed by"):
        read_note(f"{TEXT}\n{signed}", [VERIFIERS["enoch"]])


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}{PETER}",
        f"{TEXT}\n{PETER[:-1]}",
        f"\x01{TEXT}\n{PETER}",
        f"\ud800{TEXT}\n{PETER}",
        f"{TEXT}\n{PETER}Unexpected line.\n",
        f"{TEXT}\n{PETER}\n",
        f"{TEXT}\n{PETER}".replace("\n", "\r\n"),
        f"{TEXT}\n{PETER.replace('—', '-')}",
        f"{TEXT}\n{PETER.replace('PeterNeumann', 'Bad Name')}",
        f"{TEXT}\n{PETER.replace('PeterNeumann', 'Bad+Name')}",
        f"{TEXT}\n{PETER.replace('PeterNeumann', '')}",
        f"{TEXT}\n{PETER.replace('AM=', 'AN=')}",  # bits that no byte has
        f"{TEXT}\n{PETER.replace('=', '')}",
        f"{TEXT}\n— PeterNeumann x08gow==\n",
        f"{TEXT}\n{PETER * 101}",
    ],
)
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    with pytest.raises(MalformedNote):
        read_note(note, VERIFIERS.values())


def test_a_note_may_carry_a_hundred_signatures() -> None:
    assert read_note(f"{TEXT}\n{PETER * 100}", VERIFIERS.values()) == TEXT


def test_a_checkpoint_reads_as_in_the_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

    checkpoint = Checkpoint.parse(text)

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e1d90c808014aa89b")
    assert checkpoint.text() == text


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
CHECKPOINTS = st.builds(
    Checkpoint, LINES, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINES).map(tuple)
)


@given(CHECKPOINTS)
def test_a_checkpoint_survives_its_note(checkpoint: Checkpoint) -> None:
    note = SIGNER.sign(checkpoint.text())

    assert Checkpoint.parse(read_note(note, [SIGNER.verifier])) == checkpoint


@given(st.text() | CHECKPOINTS.map(Checkpoint.text), st.integers(0, 200), st.text(max_size=2))
def test_a_text_is_refused_or_is_the_one_text_of_its_checkpoint(text: str, place: int, insertion: str) -> None:
    other = text[:place] + insertion + text[place:]
    try:
        checkpoint = Checkpoint.parse(other)
    except MalformedNote:
        return
    assert checkpoint.text() == other


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "o\n5\n",
        "o\n5\n{root}",
        "\n5\n{root}\n",
        "o\n05\n{root}\n",
        "o\n+5\n{root}\n",
        "o\n-5\n{root}\n",
        "o\n٥\n{root}\n",
        "o\n5 \n{root}\n",
        "o\n\n{root}\n",
        "o\n9223372036854775808\n{root}\n",
        "o\n" + "9" * 5000 + "\n{root}\n",
        "o\n5\n\n",
        "o\n5\nAAAA\n",
        "o\n5\n{root}=\n",
        "o\n5\n {root}\n",
        "o\n5\n{root}\n\n",
        "o\n5\n{root}\n\nmore\n",
        "o\n5\n{root}\nmore",
        "o\r\n5\r\n{root}\r\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        Checkpoint.parse(text.format(root=b64encode(ROOT).decode()))


def test_a_root_whose_base64_is_not_the_only_one_is_refused() -> None:
    root = b64encode(ROOT).decode()
    twin = root[:-2] + chr(ord(root[-2]) + 1) + "="
    assert b64decode(twin) == ROOT

    with pytest.raises(MalformedNote):
        Checkpoint.parse(f"o\n5\n{twin}\n")


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 5, ROOT, ()),
        ("a\nb", 5, ROOT, ()),
        ("a\tb", 5, ROOT, ()),
        ("o", -1, ROOT, ()),
        ("o", 2**63, ROOT, ()),
        ("o", 5, ROOT[:31], ()),
        ("o", 5, ROOT, ("",)),
        ("o", 5, ROOT, ("a\nb",)),
        ("o", 5, ROOT, ("\ud800",)),
    ],
)
def test_a_checkpoint_that_has_no_text_is_not_made(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(MalformedNote):
        Checkpoint(origin, size, root, extensions)
