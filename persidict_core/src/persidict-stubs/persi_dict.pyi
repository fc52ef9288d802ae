from persidict_core import PersiDict as PersiDict, PersiDictKey as PersiDictKey
