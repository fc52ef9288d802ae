from persidict_core.former.safe_str_tuple_signing import (
    sign_safe_str_tuple as sign_safe_str_tuple,
    unsign_safe_str_tuple as unsign_safe_str_tuple,
)
