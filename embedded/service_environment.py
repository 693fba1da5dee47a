"""The settings that services under another account than root get of an environment of root.

The rest of it says who typed the command and what that person has access to elsewhere: credentials of a cloud, the
socket of an SSH agent.
"""

from collections.abc import Mapping

from infrastructure.settings import SETTINGS

_PREFIXES = ("KEYLEDGER_", "OIDC_", "OTEL_", "PROMETHEUS_", "PG", "SSL_CERT_", "LC_")
_NAMES = frozenset(
    {
        *(setting.name for setting in SETTINGS.values()),
        *("LANG", "LANGUAGE", "PATH", "TZ"),
        *("PYTHONDEVMODE", "PYTHONFAULTHANDLER", "PYTHONTRACEMALLOC", "PYTHONUNBUFFERED", "PYTHONWARNINGS"),
        # The exporter of traces takes these from the environment.
        *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    }
)


def service_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is a setting of the service, of Python, or of a library that the service uses."""
    return {name: value for name, value in environment.items() if _is_passed(name)}


def _is_passed(name: str) -> bool:
    return name.startswith(_PREFIXES) or name.upper() in _NAMES
