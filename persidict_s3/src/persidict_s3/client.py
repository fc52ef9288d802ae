"""The connection to an S3 server: one client a process, made on first use, never pickled."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any, Final

from persidict_core import BackendError
from persidict_core.configuration import Configured

from .endpoints import bare_endpoint, check_endpoint, check_region, is_aws

CONNECT_TIMEOUT: Final = 5
"""Seconds to wait for a connection, unless the user's config says otherwise."""

READ_TIMEOUT: Final = 60
"""Seconds to wait for the next bytes of an answer, unless the user's config says otherwise."""

_making = Lock()
_process = object()
_inherited: list[Any] = []
"""Clients of the process that forked this one: to take one apart, its locks are needed, and a
thread that is not here any more may hold them."""


def _renew_after_fork() -> None:
    global _making, _process
    _making = Lock()
    _process = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


class Connection(Configured):
    """How to reach an S3 server; its client is shared by all that hold the same connection.

    Credentials come only from where boto3 looks for them: ``AWS_*`` variables, profiles, roles.

    Args:
        endpoint_url: The server, as an ``http`` or ``https`` URL; None: what the environment
            (``AWS_ENDPOINT_URL_S3``) or the profile says, else AWS.
        region: The region; None: what boto3 finds.
        profile: The name of a profile in AWS's configuration files.
        session: A ``boto3.Session`` to make clients by, in place of a profile. It lives in one
            process: what holds it neither pickles nor has a URL.
        config: A ``botocore.config.Config``; what it says wins over this package's own settings.
        verify: Whether to verify TLS certificates, or the file of those to trust; None: as boto3
            does by itself.
        max_connections: How many connections are kept for further use.

    Raises:
        TypeError: If a parameter is of a wrong kind.
        ValueError: If a parameter cannot be right, or two contradict each other.

    Example:
        >>> Connection("http://127.0.0.1:9000", region="us-east-1")
        Connection(endpoint_url='http://127.0.0.1:9000', region='us-east-1')
    """

    def __init__(
        self,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        session: Any = None,
        config: Any = None,
        verify: bool | str | None = None,
        max_connections: int = 32,
    ) -> None:
        if endpoint_url is not None:
            check_endpoint(endpoint_url)
        if region is not None:
            check_region(region, endpoint_url)
        if profile is not None and not isinstance(profile, str):
            raise TypeError(f"profile is a str, not {type(profile).__name__}")
        if session is not None:
            _check_session(session, profile)
        if config is not None and not hasattr(config, "max_pool_connections"):
            raise TypeError(f"config is a botocore.config.Config, not {type(config).__name__}")
        if verify is not None and not isinstance(verify, bool | str):
            raise TypeError(f"verify is True, False or a file's name, not {verify!r}")
        if not isinstance(max_connections, int) or isinstance(max_connections, bool):
            raise TypeError(f"max_connections is a number, not {max_connections!r}")
        if max_connections < 1:
            raise ValueError(f"max_connections is at least 1, not {max_connections}")
        self.endpoint_url = endpoint_url
        self.region = region
        self.profile = profile
        self.session = session
        self.config = config
        self.verify = verify
        self.max_connections = max_connections
        self._held: tuple[object, Any] | None = None

    @property
    def client(self) -> Any:
        """This process's S3 client; making it costs no request.

        Raises:
            BackendError: The environment names an endpoint that is none.
            botocore.exceptions.BotoCoreError: The configuration cannot be used; see ``faults``.
        """
        held = self._held
        if held is not None and held[0] is _process:
            return held[1]
        with _making:
            held = self._held
            if held is None or held[0] is not _process:
                _keep(held)
                held = self._held = _process, self._make()
            return held[1]

    @property
    def endpoint(self) -> str:
        """The server's URL as it is used, with what the environment says."""
        return bare_endpoint(self.client.meta.endpoint_url)

    @property
    def is_aws(self) -> bool:
        """Whether the server is one of AWS, by its host's name."""
        return is_aws(self.client.meta.endpoint_url)

    def check_portable(self, what: str, error: type[Exception] = TypeError) -> None:
        """Refuse to describe, for another process, what only lives in this one.

        Args:
            what: What is refused, as in "S3Backend does not pickle".
            error: What to raise.

        Raises:
            TypeError: (or the error that was asked for) If there is a session, or a proxy's
                password.
        """
        if self.session is not None:
            raise error(
                f"{what}: its session lives in this process only; name a profile in its place, "
                "or leave the credentials to boto3"
            )
        if self.config is not None and _has_password(self.config):
            raise error(
                f"{what}: its config holds a proxy's password; name the proxy in HTTPS_PROXY"
            )

    def close(self) -> None:
        """Give the connections back; a later use makes them again."""
        with _making:
            held, self._held = self._held, None
        if held is not None and held[0] is _process:
            held[1].close()
        else:
            _keep(held)

    def _make(self) -> Any:
        import boto3
        import botocore.session

        from . import pages, tuning, unsure, watching

        session, agent = self.session, None
        if session is None:
            own = botocore.session.get_session()
            tuning.read_models_once(own)
            tuning.parse_times_fast(own)
            session = boto3.Session(botocore_session=own, profile_name=self.profile)
            if own.get_config_variable("user_agent_appid") is None:
                agent = tuning.user_agent()
        try:
            client = session.client(
                "s3",
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                verify=self.verify,
                config=self._whole_config(agent),
            )
        except ValueError as error:
            if "Invalid endpoint" not in str(error):
                raise
            client = None
        try:
            check_endpoint(client.meta.endpoint_url if client else None)
        except (TypeError, ValueError):
            # What botocore says would show the whole URL; so would each error of a request.
            raise BackendError(
                "the endpoint that AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the profile names is "
                "no URL of a server alone, as in http://127.0.0.1:9000",
                repr(self),
                "connect",
            ) from None
        tuning.send_small_bodies_at_once(client)
        pages.read_pages_once(client)
        watching.watch(client)
        unsure.hold_retries_back(client)
        return client

    def _whole_config(self, user_agent: str | None) -> Any:
        from botocore.config import Config

        ours: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": READ_TIMEOUT,
            "max_pool_connections": self.max_connections,
        }
        theirs = self.config or Config()
        if user_agent and not theirs.user_agent_appid:
            ours["user_agent"] = user_agent
        return Config(**ours).merge(theirs)


def _keep(held: object) -> None:
    if held is not None:
        _inherited.append(held)


def _has_password(config: Any) -> bool:
    return any("@" in str(url) for url in (config.proxies or {}).values())


def _check_session(session: Any, profile: str | None) -> None:
    if isinstance(session, type) or not callable(getattr(session, "client", None)):
        raise TypeError(f"session is a boto3.Session, not {type(session).__name__}")
    if profile is not None:
        raise ValueError("session and profile are both given: a session has its own profile")
