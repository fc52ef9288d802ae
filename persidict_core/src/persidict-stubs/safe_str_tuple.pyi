from persidict_core import SafeStrTuple as SafeStrTuple
