import pytest

from domain.decider import ImpossibleHistory
from domain.identifications.commands import RecordIdentification
from domain.identifications.decider import IDENTIFICATION
from domain.identifications.errors import IdentificationExists
from domain.identifications.events import KeyIdentified
from domain.identifications.state import Identification
from tests.domain.sample import KEY_ID, NOW, ORGANIZATION_ID, an_id
from tests.given import given

ID = an_id("ident")
RECORD = RecordIdentification(ID, ORGANIZATION_ID, KEY_ID, secret_version=2, at=NOW)
IDENTIFIED = KeyIdentified(ID, ORGANIZATION_ID, KEY_ID, secret_version=2, identified_at=NOW)


def test_an_identification_is_recorded_once() -> None:
    given(IDENTIFICATION).when(RECORD).then(IDENTIFIED)
    given(IDENTIFICATION, IDENTIFIED).when(RECORD).then_refused(IdentificationExists)


def test_the_state_names_the_key_and_the_version_of_its_secret() -> None:
    assert IDENTIFICATION.fold([IDENTIFIED]) == Identification(ID, ORGANIZATION_ID, KEY_ID, 2, NOW)


def test_an_impossible_history_is_detected() -> None:
    with pytest.raises(ImpossibleHistory):
        IDENTIFICATION.fold([IDENTIFIED, IDENTIFIED])
