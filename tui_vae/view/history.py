"""Immutable sequences that are cheap to append to.

Appending returns a longer history and leaves the old one unchanged. Both share their storage, as slices of one list
would, so that the cost of appending does not depend on the length.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import Protocol, TypeVar, overload

MOST_EPOCHS = 4096
"""Most epochs of a history; a longer one is thinned out evenly, as a terminal has some hundred columns."""

Item = TypeVar("Item")


class _OfEpoch(Protocol):
    @property
    def epoch(self) -> int: ...


ItemOfEpoch = TypeVar("ItemOfEpoch", bound=_OfEpoch)
_epoch_of = attrgetter("epoch")


class _Value(Sequence[Item]):
    """Compares by value, as tuples do."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, _Value) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))


class History(_Value[Item]):
    """An immutable sequence; a slice of it is a tuple."""

    __slots__ = ("_items", "_start", "_stop")

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items = list(items)
        self._start, self._stop = 0, len(self._items)

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        inside = range(self._start, self._stop)[index]
        return self._items[inside] if isinstance(inside, int) else tuple(self._items[i] for i in inside)

    def __iter__(self) -> Iterator[Item]:
        return islice(self._items, self._start, self._stop)

    def append(self, item: Item) -> History[Item]:
        """Return this history with one more item."""
        if self._stop != len(self._items) or self._start > len(self):
            # Another has grown from this one, or most of the storage is no longer in use: continue in a copy.
            return History([*self, item])
        self._items.append(item)
        return self._of(self._start, self._stop + 1)

    def first(self, count: int) -> History[Item]:
        """Return the first ``count`` items, or all if there are fewer."""
        return self if count >= len(self) else self._of(self._start, self._start + count)

    def last(self, count: int) -> History[Item]:
        """Return the last ``count`` items, or all if there are fewer."""
        return self if count >= len(self) else self._of(self._stop - count, self._stop)

    def _of(self, start: int, stop: int) -> History[Item]:
        history = History.__new__(History)
        history._items, history._start, history._stop = self._items, start, stop
        return history


class EpochHistory(_Value[ItemOfEpoch]):
    """One item for each epoch, in order; of very many epochs every second, or every fourth, and the newest."""

    __slots__ = ("_kept", "_newest", "_stride")

    def __init__(self) -> None:
        self._kept: History[ItemOfEpoch] = History()
        self._newest: tuple[ItemOfEpoch, ...] = ()
        self._stride = 1

    def __len__(self) -> int:
        return len(self._kept) + len(self._newest)

    @overload
    def __getitem__(self, index: int) -> ItemOfEpoch: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ItemOfEpoch, ...]: ...
    def __getitem__(self, index: int | slice) -> ItemOfEpoch | tuple[ItemOfEpoch, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        inside = range(len(self))[index]
        return self._kept[inside] if inside < len(self._kept) else self._newest[0]

    def __iter__(self) -> Iterator[ItemOfEpoch]:
        return chain(self._kept, self._newest)

    def append(self, item: ItemOfEpoch) -> EpochHistory[ItemOfEpoch]:
        """Return this history with the item of one more epoch, which replaces that epoch and all later ones."""
        if self._newest and item.epoch <= self._newest[0].epoch:
            return self.until(item.epoch - 1).append(item)
        kept, stride = self._kept, self._stride
        if self._newest and self._newest[0].epoch % stride == 0:
            kept = kept.append(self._newest[0])
        while len(kept) >= MOST_EPOCHS:
            stride *= 2
            kept = History(kept_item for kept_item in kept if kept_item.epoch % stride == 0)
        return self._of(kept, (item,), stride)

    def until(self, epoch: int) -> EpochHistory[ItemOfEpoch]:
        """Return this history without the epochs after ``epoch``."""
        if not self._newest or self._newest[0].epoch <= epoch:
            return self
        count = bisect_right(self._kept, epoch, key=_epoch_of)
        kept = self._kept.first(count)
        return self._of(kept.first(count - 1), kept[-1:], self._stride) if count else EpochHistory()

    @staticmethod
    def _of(kept: History[ItemOfEpoch], newest: tuple[ItemOfEpoch, ...], stride: int) -> EpochHistory[ItemOfEpoch]:
        history: EpochHistory[ItemOfEpoch] = EpochHistory.__new__(EpochHistory)
        history._kept, history._newest, history._stride = kept, newest, stride
        return history
