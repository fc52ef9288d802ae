"""``persidict.s3_dict``, as earlier versions had it."""

from persidict import S3Dict as S3Dict
