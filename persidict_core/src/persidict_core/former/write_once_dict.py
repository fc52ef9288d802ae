"""``persidict.write_once_dict``, as earlier versions had it."""

from persidict_core.write_once import WriteOnceDict as WriteOnceDict
