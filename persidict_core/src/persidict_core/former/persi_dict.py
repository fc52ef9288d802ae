"""``persidict.persi_dict``, as earlier versions had it."""

from persidict_core.keys import PersiDictKey as PersiDictKey
from persidict_core.persi_dict import PersiDict as PersiDict
