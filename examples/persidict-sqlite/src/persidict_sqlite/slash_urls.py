"""URLs as SQLAlchemy writes them: ``sqlite:///file.db`` is relative, ``sqlite:////file.db`` not."""

from __future__ import annotations

from typing import Any

from persidict_core import Addressed, URLError


class SlashURLs(Addressed):
    """A third slash before the address, in both directions."""

    @classmethod
    def params_of_address(cls, address: str) -> dict[str, Any]:
        """The parameter that an address says."""
        if not address.startswith("/") or address == "/":
            raise URLError(
                "write sqlite:///file.db, with three slashes, or four: sqlite:////a/b.db"
            )
        return super().params_of_address(address[1:])

    def address_of_params(self, params: dict[str, Any]) -> str:
        """The address that says parameters, which are taken out."""
        return "/" + super().address_of_params(params)
