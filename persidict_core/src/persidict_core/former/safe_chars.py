"""``persidict.safe_chars``, as earlier versions had it."""

from persidict_core.keys import (
    MAX_PART_LENGTH,
    get_safe_chars as get_safe_chars,
    replace_unsafe_chars as replace_unsafe_chars,
)

SAFE_CHARS_SET = get_safe_chars()
SAFE_STRING_MAX_LENGTH: int = MAX_PART_LENGTH
