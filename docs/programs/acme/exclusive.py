"""The same, with a condition: what is not there yet is written by one process alone."""

from __future__ import annotations

import os
from uuid import uuid4

import persidict_core as core

from .backend import AcmeBackend


class ExclusiveAcmeBackend(AcmeBackend):
    """Objects in Acme, which of many writers of one new path lets one win."""

    @property
    def capabilities(self) -> core.Capabilities:
        return core.Capabilities(if_absent=core.Scope.PROCESSES)

    def write_if(self, path: str, data: bytes, expect: core.Expect) -> str:
        target, aside = self._file(path), os.path.join(self.address, f"#{uuid4().hex}")
        if core.check_expect(expect) is not core.ABSENT:
            return super().write_if(path, data, expect)  # Refuses: it is not claimed.
        with self._blaming("write_if", path):
            os.makedirs(self.address, exist_ok=True)
            with open(aside, "wb") as file:
                file.write(data)
            try:
                os.link(aside, target)  # Fails if there is one: the file system decides.
            except FileExistsError:
                raise core.PreconditionFailed(path, expect) from None
            finally:
                os.remove(aside)
        return "none"
