"""What of an environment of root reaches services under another account."""

import os

from embedded.service_environment import service_environment
from infrastructure.settings import SETTINGS


def test_every_setting_reaches_the_services() -> None:
    settings = dict.fromkeys((setting.name for setting in SETTINGS.values()), "1")
    assert service_environment(settings) == settings


def test_what_root_has_access_to_elsewhere_does_not() -> None:
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


def test_a_proxy_is_named_in_capitals_or_not() -> None:
    assert service_environment({"https_proxy": "a", "HTTPS_PROXY": "b"}) == {"https_proxy": "a", "HTTPS_PROXY": "b"}
