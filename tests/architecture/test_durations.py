from tests.architecture.conftest import ROOT
from tests.durations import SLOW_FILES, SLOW_FOLDERS


def test_every_file_and_folder_listed_as_slow_exists() -> None:
    assert [path for path in (*SLOW_FILES, *SLOW_FOLDERS) if not (ROOT / path).exists()] == []
