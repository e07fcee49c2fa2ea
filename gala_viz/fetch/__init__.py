"""Public data and weights from their publishers: addresses, downloads that go on, checksums, archives."""
