"""A benchmark whose service did not record its uses fails."""

import pytest

from benchmarks.recorded import NotRecorded, check_recorded
from benchmarks.request_costs import Service


@pytest.mark.parametrize("uses", [100, 164])
def test_every_response_and_at_most_the_abandoned_requests_are_recorded(uses: int) -> None:
    check_recorded("service", [_service(60), _service(40)], uses)


@pytest.mark.parametrize("uses", [99, 165])
def test_fewer_and_more_uses_are_refused(uses: int) -> None:
    with pytest.raises(NotRecorded, match=f"service: {uses} uses recorded, at least 100 and at most 164 expected"):
        check_recorded("service", [_service(60), _service(40)], uses)


def _service(answered: int) -> Service:
    return Service("service", "http://127.0.0.1/", 1, answered=answered, unanswered_max=32)
