"""Runs in an interpreter that has the published package, and does there what the tests ask.

Each line of the input is a request in JSON, each line of the output its answer. Values are named,
as in `compat_values`, and never pass between the two.

    {"do": "write", "folder": ..., "file_type": ..., "digest_len": ..., "names": [...]}   null
    {"do": "read", "folder": ..., "file_type": ..., "digest_len": ..., "names": [...]}
        {name: what differs from the value, or null}
    {"do": "keys", "folder": ..., "file_type": ..., "digest_len": ...}   lists of strings, sorted

A folder may be ``s3://bucket/prefix``, which AWS_* in the environment lead to; with ``copies``,
it is cached in that folder.
"""

import json
import sys
import warnings

from compat_values import difference, make_key, make_values

from persidict import FileDirDict


def open_folder(request):
    params = {
        "serialization_format": request["file_type"],
        "base_class_for_values": None if request["file_type"] in ("pkl", "json") else str,
    }
    if request["folder"].startswith("s3://"):
        return open_bucket(request, params)
    return FileDirDict(base_dir=request["folder"], digest_len=request["digest_len"], **params)


def open_bucket(request, params):
    from persidict.basic_s3_dict import BasicS3Dict
    from persidict.s3_dict_file_dir_cached import S3Dict_FileDirCached

    bucket, _, prefix = request["folder"].removeprefix("s3://").partition("/")
    params |= {"bucket_name": bucket, "root_prefix": prefix}
    if request.get("copies"):
        return S3Dict_FileDirCached(
            base_dir=request["copies"], digest_len=request["digest_len"], **params
        )
    return BasicS3Dict(**params)


def answer(request):
    values = make_values()[request["file_type"]]
    d = open_folder(request)
    if request["do"] == "write":
        for name in request["names"]:
            d[make_key(name)] = values[name]
        return None
    if request["do"] == "read":
        # Its jsonpickle understands the dtypes of frames that its own process wrote, and those of
        # others by chance.
        dtypes = request["file_type"] != "json"
        return {name: read(d, name, values[name], dtypes) for name in request["names"]}
    if request["do"] == "keys":
        return sorted(list(key) for key in d)
    raise ValueError(request["do"])


def read(d, name, expected, dtypes):
    try:
        return difference(expected, d[make_key(name)], dtypes)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
