"""The part of root's environment that services under another account receive.

The other variables concern the user who ran the command and may grant access elsewhere: cloud credentials, or the
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
        # The exporter of traces reads these from the environment.
        *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    }
)


def service_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the service, of Python, and of the libraries that the service uses."""
    return {name: value for name, value in environment.items() if _is_passed(name)}


def _is_passed(name: str) -> bool:
    return name.startswith(_PREFIXES) or name.upper() in _NAMES
