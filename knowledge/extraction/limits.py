"""How much a file may ask for. What asks for more is refused by name, and harms nobody."""

from typing import Final

MAX_PAGES: Final = 2_000
MAX_CHARACTERS: Final = 1_000_000
# Of a text file: no encoding takes more than four bytes for a character, or more than that for its byte order mark.
MAX_TEXT_BYTES: Final = 4 * (MAX_CHARACTERS + 1)
# Of a .docx, which is a zip: what its parts come to when they are unpacked. Real ones shrink to a tenth or a thirtieth.
MAX_UNPACKED_BYTES: Final = 100 * 2**20
MAX_RATIO: Final = 200
MAX_PARTS: Final = 5_000
# Below it a file may shrink as much as it likes: a page of nothing but spaces is no bomb.
HARMLESS_BYTES: Final = 10 * 2**20

# Of the process. A .docx of a million characters takes 110 MB and 15 seconds, a page of HTML 60 MB, a PDF 40 MB.
MAX_MEMORY_BYTES: Final = 2**29
MAX_CPU_SECONDS: Final = 60
MAX_SECONDS: Final = 90
# Each character of the text takes at most six bytes in JSON.
MAX_RESULT_BYTES: Final = 8 * 2**20
MAX_OPEN_FILES: Final = 64
