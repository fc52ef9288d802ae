"""``persidict.jokers``, as earlier versions had it."""

from persidict_core.jokers import (
    DELETE_CURRENT as DELETE_CURRENT,
    KEEP_CURRENT as KEEP_CURRENT,
    DeleteCurrentFlag as DeleteCurrentFlag,
    Joker as Joker,
    KeepCurrentFlag as KeepCurrentFlag,
)

KeepCurrent = KEEP_CURRENT
DeleteCurrent = DELETE_CURRENT
