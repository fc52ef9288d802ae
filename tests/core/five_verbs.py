"""An object that merely has the five verbs: no base class, no conditions, no etags to rely on."""

from persidict_core import ObjectNotFound, ObjectStat


class FiveVerbs:
    """Bytes in a plain dict."""

    def __init__(self):
        self.objects = {}

    def read_bytes(self, path):
        try:
            return self.objects[path]
        except KeyError:
            raise ObjectNotFound(path) from None

    def write_bytes(self, path, data):
        self.objects[path] = data
        return "?"

    def delete(self, path):
        if self.objects.pop(path, None) is None:
            raise ObjectNotFound(path)

    def stat(self, path):
        return ObjectStat(path, len(self.read_bytes(path)), 0.0, "?")

    def list_prefix(self, prefix=""):
        return iter([path for path in self.objects if path.startswith(prefix)])


class FourVerbs:
    """The same without ``delete``."""

    read_bytes = FiveVerbs.read_bytes
    write_bytes = FiveVerbs.write_bytes
    stat = FiveVerbs.stat
    list_prefix = FiveVerbs.list_prefix
