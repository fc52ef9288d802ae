"""``persidict.overlapping_multi_dict``, as earlier versions had it."""

from persidict_core.overlapping import OverlappingMultiDict as OverlappingMultiDict
