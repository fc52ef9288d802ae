"""``persidict.file_dir_dict``, as earlier versions had it."""

from persidict import FileDirDict as FileDirDict
