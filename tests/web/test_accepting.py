"""What web processes tell one another of the connections they hold, and who accepts the next one."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any

import gevent
import pytest
from gevent import socket as gevent_socket

from taskyard.web import accepting
from taskyard.web.accepting import Seat, Seats, Server


@contextmanager
def holding(seat: Seat) -> Iterator[None]:
    """A connection more, as long as the block lasts."""
    seat.add(1)
    yield
    seat.add(-1)


def opened(seats: Seats) -> Seat:
    seat = seats.take()
    seat.open()
    return seat


def test_who_holds_more_than_another_is_told_so() -> None:
    seats = Seats(3)
    mine, other = opened(seats), opened(seats)
    assert not mine.has_more()
    with holding(mine):
        assert mine.has_more()
        assert not mine.has_more(by=2)
        assert not other.has_more()
        with holding(other):
            assert not mine.has_more()
        assert mine.has_more()
    assert not mine.has_more()


def test_nobody_waits_for_a_process_that_does_not_accept() -> None:
    seats = Seats(2)
    mine, other = opened(seats), seats.take()
    with holding(mine):
        assert not mine.has_more(), "the other has not begun"
        other.open()
        with holding(other), holding(mine):
            assert mine.has_more()
            other.close()
            assert not mine.has_more(), "it has ended, and is about to answer what it began"
        assert not mine.has_more(), "nor does it count once that is answered"


def test_the_seat_of_one_that_is_gone_is_the_next_ones() -> None:
    seats = Seats(2)
    mine, gone = opened(seats), opened(seats)
    with holding(mine):
        gone.free()  # as the master does, however it ended
        assert not mine.has_more()
        following = opened(seats)
        assert mine.has_more()
        assert not following.has_more()


def test_without_a_seat_a_process_takes_what_comes() -> None:
    seats = Seats(1)
    mine, beyond = opened(seats), opened(seats)
    with holding(mine), holding(beyond), holding(beyond):
        assert not beyond.has_more()
        assert not mine.has_more()


def test_one_connection_is_spared_at_a_time() -> None:
    seats = Seats(2)
    mine, _ = opened(seats), opened(seats)
    with holding(mine), holding(mine), holding(mine):
        assert mine.can_spare_one()
        assert not mine.can_spare_one(), "whoever was sent away has yet to arrive elsewhere"


def test_a_difference_of_one_is_even(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "SPARE_EVERY_S", 0.0)
    seats = Seats(2)
    mine, _ = opened(seats), opened(seats)
    with holding(mine):
        assert not mine.can_spare_one()
        with holding(mine):
            assert mine.can_spare_one()


@pytest.fixture
def listener() -> Iterator[Any]:
    with closing(gevent_socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening


def accepted_by(listener: Any, *seats: Seat, connections: int = 4) -> list[Seat]:
    """Who accepts these, of so many processes that wait at one socket; here they are servers of one."""
    found: list[Seat] = []

    def take(seat: Seat, _client: object, _address: object) -> None:
        found.append(seat)

    with ExitStack() as stack:
        for seat in seats:
            own = gevent_socket.socket(fileno=socket.dup(listener.fileno()))  # closed by its server
            server = Server(own, seat, handle=partial(take, seat))
            server.start()
            stack.callback(server.close)
        for number in range(connections):
            stack.enter_context(closing(socket.create_connection(listener.getsockname())))
            with gevent.Timeout(10):
                while len(found) <= number:
                    gevent.sleep(0.001)
    return found


def test_whoever_holds_fewer_accepts_first(listener: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seats = Seats(2)
    fuller, emptier = seats.take(), seats.take()
    monkeypatch.setattr(fuller, "has_more", lambda: True)
    monkeypatch.setattr(emptier, "has_more", lambda: False)
    monkeypatch.setattr(accepting, "FIRST_S", 60.0)  # on a busy machine 2 ms are over before anybody has looked
    assert accepted_by(listener, fuller, emptier) == [emptier] * 4


def test_where_those_who_hold_fewer_do_not_come_the_others_accept(
    listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuller = Seats(1).take()
    monkeypatch.setattr(fuller, "has_more", lambda: True)
    assert accepted_by(listener, fuller) == [fuller] * 4
