from persidict_core.former.safe_chars import (
    SAFE_CHARS_SET as SAFE_CHARS_SET,
    SAFE_STRING_MAX_LENGTH as SAFE_STRING_MAX_LENGTH,
    get_safe_chars as get_safe_chars,
    replace_unsafe_chars as replace_unsafe_chars,
)
