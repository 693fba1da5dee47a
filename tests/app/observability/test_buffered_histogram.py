"""A buffered histogram has the same values as one that prometheus-client updates directly."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.samples import Sample

from app.observability.metrics.buffered_histogram import BufferedHistogram

BOUNDS = (0.1, 0.5, 1.0)
VALUES = (0.0, 0.1, 0.100001, 0.5, 0.7, 1.0, 1.5, 90.0)


def samples(registry: CollectorRegistry) -> list[Sample]:
    return [s for family in registry.collect() for s in family.samples if not s.name.endswith("_created")]


def test_a_buffered_histogram_has_the_same_samples_as_a_direct_one() -> None:
    immediate, later = CollectorRegistry(), CollectorRegistry()
    direct = Histogram("seconds", "Each.", buckets=BOUNDS, registry=immediate)
    buffered = BufferedHistogram(Histogram("seconds", "Each.", buckets=BOUNDS, registry=later), BOUNDS)
    for number, value in enumerate(VALUES):
        direct.observe(value)
        buffered.observe(value)
        if number % 3 == 0:
            buffered.hand_over()
    buffered.hand_over()
    buffered.hand_over()  # must not count anything twice
    assert samples(later) == samples(immediate)
    assert b'seconds_bucket{le="+Inf"} 8.0' in generate_latest(later)
