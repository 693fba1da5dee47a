"""The variables of root's environment that services under another account receive."""

import os

from embedded.service_environment import service_environment
from infrastructure.settings import SETTINGS


def test_every_setting_reaches_the_services() -> None:
    settings = dict.fromkeys((setting.name for setting in SETTINGS.values()), "1")
    assert service_environment(settings) == settings


def test_variables_of_root_and_of_python_do_not_reach_the_services() -> None:
    names = (
        "AWS_SECRET_ACCESS_KEY",
        "SSH_AUTH_SOCK",
        "GITHUB_TOKEN",
        "SUDO_USER",
        "USER",
        "HOME",
        "LD_PRELOAD",
        "MAIL",
    )
    of_python = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE")
    assert (
        service_environment({**os.environ, **dict.fromkeys((*names, *of_python), "1")})
        .keys()
        .isdisjoint({*names, *of_python})
    )


def test_proxy_variables_reach_the_services_in_either_case() -> None:
    assert service_environment({"https_proxy": "a", "HTTPS_PROXY": "b"}) == {"https_proxy": "a", "HTTPS_PROXY": "b"}
