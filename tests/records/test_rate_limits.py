"""Buckets: so many at once, so many a second, and bounded memory; the network that an address belongs to."""

import pytest

from gala_viz.records.rate_limits import TokenBuckets, client_network


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_burst_is_allowed_and_then_the_rate():
    clock = Clock()
    buckets = TokenBuckets(2.0, 3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    clock.now = 0.5
    assert buckets.take("a")
    assert not buckets.take("a")
    assert buckets.take("b")
    clock.now = 100
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_what_was_not_used_is_given_back_and_no_more_than_that():
    buckets = TokenBuckets(0.0, 2, clock=Clock())
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    buckets.give_back("a")
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    buckets.give_back("b")
    assert [buckets.take("b") for _ in range(3)] == [True, True, False]


def test_memory_is_bounded():
    buckets = TokenBuckets(1.0, 1, max_names=10)
    for number in range(100):
        buckets.take(str(number))
    assert len(buckets._left) == 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a name", "a name"),
    ],
)
def test_one_hosts_addresses_are_one_network(address, network):
    assert client_network(address) == network
