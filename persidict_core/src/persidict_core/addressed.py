"""What a URL opens, and what gives its URL back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from .configuration import Configured, constructor_params, is_default
from .errors import URLError

if TYPE_CHECKING:
    from . import urls


class Addressed(Configured):
    """Base of backends and dictionaries that a URL opens.

    The URL's address fills the constructor's first parameter, its query the others, converted by
    their annotations. A class whose addresses say more, or otherwise, overrides
    `params_of_address` and `address_of_params`, which undo each other.

    Attributes:
        scheme: The URL scheme under which the class is registered; empty: it has no URL.

    Example:
        >>> class Radio(Addressed):
        ...     scheme = "radio"
        ...
        ...     def __init__(self, station: str, volume: int = 5) -> None:
        ...         self.station = station
        ...         self.volume = volume
        >>> Radio.from_url("radio://one?volume=7").volume, Radio("two").url
        (7, 'radio://two')
    """

    scheme: ClassVar[str] = ""

    @classmethod
    def from_url(cls, url: str | urls.URL, **params: Any) -> Self:
        """Make what a URL names.

        Args:
            url: The URL.
            **params: More parameters, by the constructor's names; they win over the query, but
                ``allow_pickle=False`` wins wherever it is said.

        Raises:
            URLError: If the URL does not fit the constructor.
        """
        from . import urls  # Only URLs need it, and it needs much.

        url = urls.URL.parse(url)
        if url.scheme != cls.scheme:
            raise URLError(f"{cls.__name__} wants a {cls.scheme}:// URL, not {url.scheme}://")
        known = constructor_params(cls)
        addressed = cls.params_of_address(url.address) if url.address else {}
        urls.refuse_secrets(cls.scheme, url.query, cls.secret_params)
        urls.check_known(cls.scheme, url.query, [name for name in known if name not in addressed])
        urls.check_known(cls.scheme, params, list(known))
        said = {**addressed, **urls.from_text(cls, url.query)}
        first = next(iter(known.values()), None)
        if not url.address and first is not None:
            if first.name in said:
                raise URLError(f"{first.name} is what stands after {cls.scheme}://, no parameter")
            if first.name not in params and first.default is not None:
                raise URLError(f"{cls.scheme}:// without an address: {first.name} is wanted")
        return cls(**urls.merged(said, params))

    @property
    def url(self) -> str:
        """The URL that makes this again.

        Raises:
            URLError: If the class has no scheme, a URL cannot say a parameter, or one lives in this
                process only.
        """
        from . import urls

        if not self.scheme:
            raise URLError(
                f"{type(self).__name__} has no URL: its class is registered for no scheme"
            )
        self.check_portable(f"{type(self).__name__} has no URL", URLError)
        params = self.get_params()
        for name in self.secret_params:
            if params.get(name) is not None:
                raise URLError(f"{type(self).__name__} has no URL: its {name} is a secret")
        address = self.address_of_params(params)
        return str(urls.URL(self.scheme, address, urls.to_text(self, params)))

    @classmethod
    def params_of_address(cls, address: str) -> dict[str, Any]:
        """The parameters that an address says.

        Args:
            address: All between ``://`` and ``?``, decoded; not empty.

        Raises:
            URLError: If it says none.
        """
        for name in constructor_params(cls):
            return {name: address}
        raise URLError(f"{cls.scheme}:// has no address: {cls.__name__} takes no parameters")

    def address_of_params(self, params: dict[str, Any]) -> str:
        """The address that says parameters, which are taken out.

        Args:
            params: All parameters.

        Raises:
            URLError: If an address cannot say them.
        """
        from . import urls

        for name, param in constructor_params(type(self)).items():
            value = params.pop(name)
            if isinstance(value, str) and value:
                return value
            if not is_default(value, param.default):
                raise urls.unsaid(self, name, value)
            break
        return ""
