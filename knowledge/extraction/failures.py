"""Why a file can't be read, as a stable code and as a sentence for the person who sent it."""

from typing import Final

from knowledge.extraction.limits import MAX_CHARACTERS, MAX_CPU_SECONDS, MAX_PAGES

MESSAGES: Final = {
    "encrypted": "The file is protected by a password. Save it without one, and upload it again.",
    "corrupt": "The file is damaged, or isn't what it says it is: it can't be opened.",
    "too_many_pages": f"The file has more than {MAX_PAGES:,} pages. Split it, and upload the parts.",
    "too_long": f"The file holds more than {MAX_CHARACTERS:,} characters of text. Split it, and upload the parts.",
    "zip_bomb": "The file would unpack to many times its size, as a zip bomb does. Save it anew without what fills it.",
    "timed_out": f"Reading the file took more than {MAX_CPU_SECONDS} seconds. Split it, or save it as a simpler one.",
    "out_of_memory": "Reading the file took too much memory. Split it, or save it as a simpler one.",
    "no_text": "There is no text in the file. If its pages are scanned images, have their text recognised (OCR) first.",
    "unsupported": "Files of this kind can't be read.",
    "file_missing": "The file isn't in the storage any more. Upload it again.",
}


class ExtractionError(Exception):
    """The file can't be read, and trying again won't help. `code` is one of `MESSAGES`."""

    def __init__(self, code: str) -> None:
        self.code, self.message = code, MESSAGES[code]
        super().__init__(self.message)
