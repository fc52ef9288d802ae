"""``persidict.safe_str_tuple_signing``, as earlier versions had it."""

from persidict_core.digests import check_digest_len, sign, unsign
from persidict_core.keys import PersiDictKey, SafeStrTuple


def sign_safe_str_tuple(str_seq: PersiDictKey, digest_len: int) -> SafeStrTuple:
    """Add to each string of a key the first characters of its digest, unless it ends in them.

    Args:
        str_seq: The key.
        digest_len: How many characters, 0 to 26; 0 adds nothing.

    Raises:
        TypeError: If it is no key.
        ValueError: If it is not safe, or ``digest_len`` is out of bounds.

    Example:
        >>> sign_safe_str_tuple(("a", "b"), 4)
        SafeStrTuple('a_btax', 'b_slvv')
    """
    check_digest_len(digest_len)
    return SafeStrTuple(*(sign(part, digest_len) for part in SafeStrTuple(str_seq)))


def unsign_safe_str_tuple(str_seq: PersiDictKey, digest_len: int) -> SafeStrTuple:
    """Take the digest away from each string of a key that ends in its own.

    Args:
        str_seq: The key.
        digest_len: How many characters, 0 to 26; 0 takes nothing away.

    Raises:
        TypeError: If it is no key.
        ValueError: If it is not safe, or ``digest_len`` is out of bounds.

    Example:
        >>> unsign_safe_str_tuple(("a_btax", "b"), 4)
        SafeStrTuple('a', 'b')
    """
    check_digest_len(digest_len)
    return SafeStrTuple(*(unsign(part, digest_len) for part in SafeStrTuple(str_seq)))
