"""Metrics as Prometheus reads them."""

from collections.abc import Mapping

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.app.client import Response
from tests.app.organizations import Api

Labels = Mapping[str, str]


def scrape(api: Api, **headers: str) -> dict[str, Metric]:
    return families(api.client(**headers).get("/metrics"))


def families(answer: Response) -> dict[str, Metric]:
    assert answer.status == 200, answer.content
    found = list(text_string_to_metric_families(answer.content.decode()))
    names = [family.name for family in found]
    assert len(names) == len(set(names)), "each family is in the text once"
    return {family.name: family for family in found}


def value(scraped: Mapping[str, Metric], sample: str, **labels: str) -> float:
    """Return the sum of all samples of this name with these labels."""
    return sum(
        each.value
        for family in scraped.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    )
