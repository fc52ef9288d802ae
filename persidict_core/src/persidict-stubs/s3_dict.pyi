from persidict_s3 import S3Dict as S3Dict
