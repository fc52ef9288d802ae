from persidict_core import WriteOnceDict as WriteOnceDict
