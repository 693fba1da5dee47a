from datetime import date

import pytest

from domain.alerts.quota_stages import quota_alert, stage_reached
from tests.domain.sample import NOW, ORGANIZATION_ID

MONTH = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("used", "quota", "stage"),
    [(0, 10, None), (7, 10, None), (8, 10, 80), (949, 1_000, 80), (950, 1_000, 95), (1_000, 1_000, 100), (7, 5, 100)],
)
def test_the_highest_stage_reached_is_returned(used: int, quota: int, stage: int | None) -> None:
    assert stage_reached(used, quota) == stage


def test_a_quota_of_zero_is_used_up() -> None:
    assert stage_reached(0, 0) == 100


def test_each_stage_is_one_alert_and_a_new_limit_has_separate_alerts() -> None:
    alert = quota_alert(ORGANIZATION_ID, MONTH, 1_000, 801, 80, NOW)
    assert alert.alert_id == quota_alert(ORGANIZATION_ID, MONTH, 1_000, 900, 80, NOW).alert_id
    assert alert.alert_id != quota_alert(ORGANIZATION_ID, MONTH, 2_000, 1_601, 80, NOW).alert_id
    assert alert.numbers == {"percentage": 80, "used": 801, "limit": 1_000, "month": "2026-03"}
    assert [quota_alert(ORGANIZATION_ID, MONTH, 10, 10, stage, NOW).severity for stage in (80, 95, 100)] == [
        "info",
        "warning",
        "critical",
    ]
