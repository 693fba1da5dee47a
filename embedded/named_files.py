"""Files, folders and addresses in settings that the account of the services must be able to use."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infrastructure.settings import Settings

_READ = ("KEYLEDGER_GEO_DATABASE", "KEYLEDGER_GITHUB_KEYS_FILE", "SSL_CERT_FILE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
_WRITTEN = ("PROMETHEUS_MULTIPROC_DIR", "KEYLEDGER_USAGE_EXPORT_DIR")
_APPENDED = "KEYLEDGER_MAIL_FILE"


def arguments_of_check(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """Return the arguments of `embedded.account_check`. The service itself reports missing files."""
    arguments = [f"PORT=listen on:{settings.host} {settings.port}"]
    arguments += [f"{name}=read:{path}" for name in _READ if (path := _path(environment, name)) and path.is_file()]
    arguments += [f"{name}=write to:{path}" for name in _WRITTEN if (path := _path(environment, name))]
    if not environment.get("SMTP_URL", "").strip() and (path := _path(environment, _APPENDED)):
        arguments.append(f"{_APPENDED}=append to:{path}")
    url = settings.redis_url
    if url.startswith("unix:") and (socket := Path(unquote(urlsplit(url).path))).exists():
        arguments.append(f"REDIS_URL=connect to:{socket}")
    return arguments


def with_absolute_paths(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a service whose working folder is not that of the user who ran the command."""
    paths = {name: _path(environment, name) for name in (*_READ, *_WRITTEN, _APPENDED)}
    return {**environment, **{name: str(path) for name, path in paths.items() if path}}


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name, "").strip()
    if not value:
        return None
    # `resolve` removes the folders that `..` passes through, which may be closed to the account.
    return Path(value) if Path(value).is_absolute() else Path(value).resolve()
