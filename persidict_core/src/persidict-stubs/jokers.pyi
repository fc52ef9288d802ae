from persidict_core.former.jokers import (
    DELETE_CURRENT as DELETE_CURRENT,
    KEEP_CURRENT as KEEP_CURRENT,
    DeleteCurrent as DeleteCurrent,
    DeleteCurrentFlag as DeleteCurrentFlag,
    Joker as Joker,
    KeepCurrent as KeepCurrent,
    KeepCurrentFlag as KeepCurrentFlag,
)
