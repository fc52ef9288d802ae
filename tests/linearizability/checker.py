"""Is a history one of operations that each happened at one moment?

A history is linearizable if each operation can be given one moment between its call and its return
so that, in that order, each saw what the one before it left (Herlihy and Wing, "Linearizability: a
correctness condition for concurrent objects", TOPLAS 12(3), 1990). A map is linearizable if it is
for each key.

The search is that of Wing and Gong ("Testing and verifying concurrent objects", Journal of Parallel
and Distributed Computing 17, 1993): try each operation that is under way as the next one. As in
Lowe ("Testing for linearizability", Concurrency and Computation: Practice and Experience 29(4),
2017) no configuration is looked at twice, and one is extended just in time: only when an operation
returns that must have happened. So all that is remembered is of the operations under way; where
none is, only the states that are possible.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from tests.linearizability.history import NEVER, Operation, State, by_key

_SHOWN: Final = 12

Configuration = tuple[State, int]
"""What is under the key, and which of the operations under way have happened, as bits."""


class Violation(NamedTuple):
    """An operation that cannot have happened at any one moment.

    Attributes:
        operation: The first one that cannot have happened by its return.
        states: What may have been there before it returned.
        around: The operations that overlap it, and some before.
    """

    operation: Operation
    states: list[State]
    around: list[Operation]

    def __str__(self) -> str:
        lines = [
            f"not linearizable: {self.operation.what} of {self.operation.key!r} by "
            f"{self.operation.by}, {self.operation.effect}, has no moment",
            f"there may have been: {', '.join(map(str, self.states))}",
            *(f"{'>' if each is self.operation else ' '} {each}" for each in self.around),
        ]
        return "\n".join(lines)


def check(operations: Iterable[Operation]) -> Violation | None:
    """Look for an operation that cannot have happened; at first nothing is under any key.

    Args:
        operations: The history, in any order. An effect that is not certain may have happened
            while it was under way, or not at all.

    Returns:
        The first that is found, of any key; None if the history is linearizable.
    """
    for history in by_key(operations).values():
        violation = _Search(history).run()
        if violation is not None:
            return violation
    return None


class _Search:
    """The search for one key.

    Args:
        history: Its operations, in the order of their calls.
    """

    def __init__(self, history: list[Operation]) -> None:
        self.history = history
        self.pending: dict[int, Operation] = {}
        self.reads: dict[int, Operation] = {}
        self.doubtful = 0
        self.found: set[Configuration] = {(None, 0)}

    def run(self) -> Violation | None:
        """Go through calls and returns in the order of their times."""
        bits: dict[int, int] = {}
        for _, is_return, number in self._events():
            operation = self.history[number]
            if not is_return:
                bits[number] = self._begin(operation)
            elif not self._end(operation, bits.pop(number)):
                return self._violation(operation)
        return None

    def _events(self) -> list[tuple[int, bool, int]]:
        # At one moment calls come before returns: such operations may overlap.
        numbered = list(enumerate(self.history))
        calls = [(each.called, False, number) for number, each in numbered]
        returns = [(e.returned, True, number) for number, e in numbered if e.returned != NEVER]
        return sorted(calls + returns)

    def _begin(self, operation: Operation) -> int:
        """An operation is called: from now on it may happen. Gives its bit."""
        bit = 1
        while bit in self.pending:
            bit <<= 1
        self.pending[bit] = operation
        if not operation.effect.certain:
            self.doubtful |= bit
        elif not operation.effect.changes:
            self.reads[bit] = operation
            self.found = {self._reading(*each) for each in self.found}
        return bit

    def _end(self, operation: Operation, bit: int) -> bool:
        """An operation returns: by now it has happened. Gives whether that can be."""
        found = self._extended(bit)
        if not operation.effect.certain:
            found |= self.found
        if not found:
            return False
        self.found = self._without_worse({(state, done & ~bit) for state, done in found})
        del self.pending[bit]
        self.reads.pop(bit, None)
        self.doubtful &= ~bit
        return True

    def _extended(self, bit: int) -> set[Configuration]:
        """Every configuration in which an operation has happened, and nothing after it."""
        reached = set()
        seen = set(self.found)
        left = list(self.found)
        while left:
            state, done = configuration = left.pop()
            if done & bit:
                reached.add(configuration)
                continue
            for each, operation in self.pending.items():
                effect = operation.effect
                if not done & each and effect.fits(state):
                    after = effect.left if effect.changes else state
                    new = self._reading(after, done | each)
                    if new not in seen:
                        seen.add(new)
                        left.append(new)
        return reached

    def _reading(self, state: State, done: int) -> Configuration:
        """Let all reads happen that see this state: it does not harm, since they change nothing."""
        for bit, operation in self.reads.items():
            if not done & bit and operation.effect.fits(state):
                done |= bit
        return state, done

    def _without_worse(self, found: set[Configuration]) -> set[Configuration]:
        """Leave out what differs from another by more doubtful operations that were needed."""
        if not self.doubtful:
            return found
        best: dict[Configuration, list[int]] = {}
        for state, done in sorted(found, key=lambda each: each[1].bit_count()):
            needed = done & self.doubtful
            others = best.setdefault((state, done & ~self.doubtful), [])
            if not any(other & needed == other for other in others):
                others.append(needed)
        return {(state, done | need) for (state, done), needs in best.items() for need in needs}

    def _violation(self, operation: Operation) -> Violation:
        before = [each for each in self.history if each.returned < operation.called]
        before = sorted(before, key=lambda each: each.returned)[-_SHOWN:]
        beside = [
            each
            for each in self.history
            if each.called <= operation.returned and each.returned >= operation.called
        ]
        states = {state for state, _ in self.found}
        return Violation(operation, sorted(states, key=str), [*before, *beside])
