"""What the dictionaries of the models need: a server, and the example of a backend."""

from tests.linearizability.conftest import example
from tests.s3.conftest import moto_endpoint, one_loader

__all__ = ["example", "moto_endpoint", "one_loader"]
