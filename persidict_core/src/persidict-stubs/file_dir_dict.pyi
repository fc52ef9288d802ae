from persidict_file import FileDirDict as FileDirDict
