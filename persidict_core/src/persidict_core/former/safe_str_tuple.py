"""``persidict.safe_str_tuple``, as earlier versions had it."""

from persidict_core.keys import SafeStrTuple as SafeStrTuple
