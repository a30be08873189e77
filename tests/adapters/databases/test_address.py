"""What an address refuses, and what to write instead."""

import pytest

from headway.adapters.databases.address import address
from headway.errors import InvalidSpec


def test_a_url_that_only_pods_can_read_is_refused_with_where_migrations_run() -> None:
    with pytest.raises(InvalidSpec, match=r"kubernetes:shop/url, a Secret that only pods .* in: cluster .*env:NAME"):
        address("kubernetes:shop/url")
