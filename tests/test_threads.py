"""Reading ahead: order, errors where they are due, no more than is wanted, and an end at any time."""

import threading

import pytest

from gala_viz.threads import read_ahead


def test_results_come_in_order_computed_beside_and_not_too_early():
    begun, caller = [], threading.get_ident()

    def read(item):
        begun.append(item)
        assert threading.get_ident() != caller
        return item * 2

    found = []
    for result in read_ahead(read, range(10), ahead=2):
        found.append(result)
        assert len(begun) <= len(found) + 2
    assert found == [item * 2 for item in range(10)]


def test_an_error_is_raised_where_its_result_is_due():
    def read(item):
        if item == 3:
            raise OSError("photograph 3")
        return item

    found = []
    with pytest.raises(OSError, match="photograph 3"):
        found.extend(read_ahead(read, range(10)))  # extend keeps what came before the error
    assert found == [0, 1, 2]


def test_nothing_is_read_after_the_caller_has_stopped():
    begun = []
    reading = read_ahead(lambda item: begun.append(item) or item, range(1000))
    assert next(reading) == 0
    reading.close()
    assert len(begun) <= 4
    assert not [one for one in threading.enumerate() if "read ahead" in one.name]
