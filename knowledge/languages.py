"""The languages whose words the keyword index reduces to their stems: those that PostgreSQL has a stemmer for."""

from typing import Final

# Of a text in none of them the words stay as they are.
UNDETERMINED: Final = "und"
DEFAULT: Final = "en"

# ISO 639-1 → PostgreSQL's text search configuration.
CONFIGURATIONS: Final = {
    "ar": "arabic",
    "hy": "armenian",
    "eu": "basque",
    "ca": "catalan",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
    UNDETERMINED: "simple",
}
