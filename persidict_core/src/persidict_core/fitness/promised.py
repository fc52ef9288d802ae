"""What is promised of a store, in the words of who uses it, with the checks that try it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from ..testing import (
    checks_bulk,
    checks_conditions,
    checks_etags,
    checks_identity,
    checks_listing,
    checks_live,
    checks_paths,
    checks_races,
    checks_sharing,
    checks_sweeping,
    checks_verbs,
)

LiveCheck = Callable[..., str | None]


class Promised(NamedTuple):
    """One promise.

    Attributes:
        group: What it is about.
        name: The promise, as a sentence.
        broken: What it means for the user where it does not hold.
        checks: The checks that try it; the first parameter of each is an empty backend.
        at_length: More of them, for which a quick look has no time.
        claim: The capability by which a backend says that it keeps it; empty: all must.
        unclaimed: What follows where it is not claimed.
        needed: Whether a store is fit only if it holds.
    """

    group: str
    name: str
    broken: str
    checks: tuple[LiveCheck, ...] = ()
    at_length: tuple[LiveCheck, ...] = ()
    claim: str = ""
    unclaimed: str = ""
    needed: bool = True


REACH: Final = Promised(
    "The store",
    "It can be written, read and deleted",
    "Nothing else was tried.",
    (checks_live.check_reach,),
)

ELSEWHERE: Final = Promised(
    "The store",
    "Other processes open the same store",
    "Each process would have items of its own.",
)

PROMISED: Final = (
    Promised(
        "Values",
        "A value comes back as it was, byte for byte",
        "Values are lost or changed: do not use this store.",
        (checks_verbs.check_bytes_come_back, checks_verbs.check_writing_replaces),
        (checks_verbs.check_read_file, checks_verbs.check_close),
    ),
    Promised(
        "Values",
        "An empty value is a value",
        "Empty texts and empty bytes get lost, or their keys seem to be missing.",
        (checks_live.check_empty_object,),
    ),
    Promised(
        "Values",
        "A large value comes back whole",
        "Keep values small, or do not use this store.",
        (partial(checks_live.check_large_file, megabytes=6),),
        (
            checks_verbs.check_large_object,
            partial(checks_live.check_large_file, megabytes=40),
        ),
    ),
    Promised(
        "Values",
        "A write is all or nothing",
        "Who reads a key while another writes it may get half a value, a mixture, or none.",
        (checks_sharing.check_no_torn_reads, checks_verbs.check_write_file_drops),
        (checks_verbs.check_write_file,),
    ),
    Promised(
        "Values",
        "What is deleted is gone, what is missing is told",
        "Deleted items come back, or a `KeyError` proves nothing.",
        (checks_verbs.check_delete, checks_verbs.check_absent_is_told),
        (checks_listing.check_emptied_folders_are_gone,),
    ),
    Promised(
        "Names",
        "Every key has a name of its own, also an odd or long one",
        "Keys with such names are refused, or overwrite one another: avoid them.",
        (checks_live.check_odd_names, checks_paths.check_long_paths),
        (checks_paths.check_odd_paths_work, checks_verbs.check_object_and_folder_of_one_name),
    ),
    Promised(
        "Names",
        "Keys that differ in case only are two",
        "`a` and `A` overwrite one another: open the dictionary with `digest_len=8`.",
        (checks_live.check_both_cases,),
    ),
    Promised(
        "Names",
        "What is no name is refused before anything happens",
        "A bad key may write or read outside of its place.",
        at_length=(
            checks_paths.check_bad_paths_are_refused,
            checks_paths.check_bad_paths_among_many,
            checks_paths.check_bad_prefixes_are_refused,
            checks_verbs.check_only_bytes_are_written,
        ),
    ),
    Promised(
        "Seeing",
        "What was written is seen at once, by all",
        "Others, or the writer himself, read old values for a while, or miss new keys.",
        (checks_live.check_seen_in_lists, checks_sharing.check_visible_at_once),
    ),
    Promised(
        "Seeing",
        "A listing has every key, once, and nothing else",
        "`keys()`, `len` and loops miss items, or show what is none.",
        (
            checks_listing.check_everything_is_listed,
            checks_listing.check_prefix_is_a_folder,
            checks_listing.check_stats_are_listed,
        ),
        (
            checks_listing.check_listing_is_an_iterator,
            checks_listing.check_children,
            checks_listing.check_some_are_listed,
            checks_listing.check_no_debris_is_listed,
        ),
    ),
    Promised(
        "Seeing",
        "More than a thousand keys are listed, and deleted together",
        "Loops end early, and `clear` leaves items: the store gives no second page.",
        (partial(checks_listing.check_many_objects, many=1_010),),
    ),
    Promised(
        "Seeing",
        "A listing has what nobody touches, while others write",
        "A loop may pass over items while others write: do not rely on `keys()` then.",
        at_length=(partial(checks_sharing.check_listing_while_others_write, rounds=20),),
    ),
    Promised(
        "Seeing",
        "Times are near this machine's, and never go back",
        "`timestamp`, `newest_keys` and the age of debris are off by that much.",
        (checks_live.check_clock, checks_etags.check_times),
        needed=False,
    ),
    Promised(
        "Conditions",
        "An etag names one version",
        "`set_if`, `transform` and caches may take a newer value for the one they know.",
        (checks_etags.check_one_etag, checks_etags.check_etags_name_what_is_claimed),
        (
            checks_conditions.check_claims_fit,
            checks_etags.check_etag_stays,
            checks_etags.check_versioned_read,
            checks_races.check_etags_differ_among_writers,
        ),
        "etags",
        "`get_with_etag` is refused, and no cache can be put before this store.",
    ),
    Promised(
        "Conditions",
        "Of many who create one key one wins",
        "Do not use `set_if(..., ABSENT)`, `setdefault` or `immutable_items` to decide who is "
        "first: two may win, or a winner's value be lost.",
        (checks_conditions.check_absent_condition, checks_races.check_one_creator_wins),
        (
            checks_conditions.check_file_on_a_condition,
            checks_conditions.check_many_on_a_condition,
            checks_conditions.check_conditions_are_of_a_kind,
            checks_paths.check_refused_conditions_name_no_path,
        ),
        "if_absent",
        "`set_if(..., ABSENT)`, `transform` and `immutable_items` are refused; `setdefault` looks "
        "first and writes then, so that two may both believe to be first.",
    ),
    Promised(
        "Conditions",
        "No change is lost: a write replaces the version that it saw",
        "Do not use `transform` or `set_if` with an etag: changes made at the same moment get "
        "lost.",
        (
            checks_conditions.check_etag_condition,
            checks_races.check_increments_are_exact,
            checks_races.check_overtaken_writer_is_told,
        ),
        claim="if_match",
        unclaimed="`set_if` with an etag and `transform` are refused; `d[key] = value` always "
        "works, and the last one counts.",
    ),
    Promised(
        "Conditions",
        "Of many who delete one version one does",
        "Do not use `pop`, `popitem` or `delete_if` to hand out work: two may get one item.",
        (checks_conditions.check_delete_condition, checks_races.check_one_deleter_wins),
        claim="delete_if",
        unclaimed="`delete_if` is refused; `pop` and `popitem` look first and delete then, so that "
        "two may get one item.",
    ),
    Promised(
        "Conditions",
        "A plain write or deletion beside conditional ones is not lost",
        "Where some use `set_if`, `transform`, `setdefault` or `pop` on a key, let nobody write "
        "or delete that key plainly at the same moment: it may be dropped, though the store said "
        "that it was done.",
        (
            partial(checks_races.check_conditions_among_plain_writers, creators=16),
            partial(checks_races.check_creators_among_plain_writers, creators=16),
            partial(checks_races.check_deleters_among_plain_writers, creators=16),
        ),
        claim="if_absent if_match delete_if",
        unclaimed="No condition is claimed that a plain write could race.",
        needed=False,
    ),
    Promised(
        "Many at once",
        "A bulk operation does each item, and tells which failed",
        "`update`, `set_many`, `get_many` and `delete_many` lose items or hide failures.",
        (
            partial(checks_bulk.check_many_in_order, many=40),
            checks_bulk.check_failures_are_results,
        ),
        (
            checks_bulk.check_callers_error_is_raised,
            checks_bulk.check_copy_many,
        ),
    ),
    Promised(
        "Many at once",
        "One handle serves many threads",
        "Open the dictionary in each thread by itself, or use one thread.",
        at_length=(checks_sharing.check_threads,),
    ),
    Promised(
        "Many at once",
        "Many use the store at once, each for himself",
        "Writers disturb one another, though they touch other keys.",
        at_length=(checks_sharing.check_processes,),
    ),
    Promised(
        "Many at once",
        "A pickled handle opens the same store",
        "Open the dictionary by its URL in each process.",
        (
            checks_sharing.check_pickled_handle_shares_the_store,
            checks_identity.check_pickle_is_the_same,
        ),
    ),
    Promised(
        "Many at once",
        "A child of a fork can use it",
        "Start processes by `spawn`, or open the dictionary after the fork.",
        at_length=(checks_sharing.check_fork,),
    ),
    Promised(
        "Many at once",
        "Sweeping takes away nothing that is whole or being written",
        "Do not use `check(repair=True)`.",
        at_length=(
            checks_sweeping.check_sweeping_spares_objects,
            checks_sweeping.check_sweeping_spares_writers,
        ),
    ),
)
"""All but the two above, which decide what can be tried."""
