# One image for the API, the workers, the scheduler and the migrations; the command selects one.
FROM python:3.13.11-slim-trixie AS packages
WORKDIR /srv/keyledger
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml uv.lock ./
# Omit the development group and the servers from wheels: production uses its own servers.
RUN uv sync --frozen --no-default-groups

FROM python:3.13.11-slim-trixie
# A numeric user lets Kubernetes verify that it is not root. The user owns no file in the image, so it can change none.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin keyledger
WORKDIR /srv/keyledger
COPY --from=packages /srv/keyledger/.venv .venv
COPY domain domain
COPY infrastructure infrastructure
COPY eventstore eventstore
COPY projections projections
COPY gateway gateway
COPY workers workers
COPY app app
# rq's cron uses local time, so set it to UTC.
ENV PATH=/srv/keyledger/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TZ=UTC HOST=0.0.0.0 PORT=8000
USER 10001
EXPOSE 8000
# Readiness makes the same round trip through the database as a verification. It is 503 if no key can be verified.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/ready', timeout=4)"]
CMD ["python", "-m", "app", "serve"]
