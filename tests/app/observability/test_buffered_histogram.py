"""What is tallied first and handed over later is what prometheus-client would have counted by itself."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.samples import Sample

from app.observability.metrics.buffered_histogram import BufferedHistogram

BOUNDS = (0.1, 0.5, 1.0)
VALUES = (0.0, 0.1, 0.100001, 0.5, 0.7, 1.0, 1.5, 90.0)


def samples(registry: CollectorRegistry) -> list[Sample]:
    return [s for family in registry.collect() for s in family.samples if not s.name.endswith("_created")]


def test_the_figures_are_the_same() -> None:
    at_once, later = CollectorRegistry(), CollectorRegistry()
    direct = Histogram("seconds", "Each.", buckets=BOUNDS, registry=at_once)
    tallied = BufferedHistogram(Histogram("seconds", "Each.", buckets=BOUNDS, registry=later), BOUNDS)
    for number, value in enumerate(VALUES):
        direct.observe(value)
        tallied.observe(value)
        if number % 3 == 0:
            tallied.hand_over()
    tallied.hand_over()
    tallied.hand_over()  # nothing is handed over twice
    assert samples(later) == samples(at_once)
    assert b'seconds_bucket{le="+Inf"} 8.0' in generate_latest(later)
