# One image for the API, the workers, the scheduler and the migrations; the command says which.
FROM python:3.13.11-slim-trixie AS packages
WORKDIR /srv/keyledger
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml uv.lock ./
# Without the development group and without the servers from wheels: production brings its own.
RUN uv sync --frozen --no-default-groups

FROM python:3.13.11-slim-trixie
# A number, so that Kubernetes can see that it is not root. Nothing in the image belongs to it: it can change nothing.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin keyledger
WORKDIR /srv/keyledger
COPY --from=packages /srv/keyledger/.venv .venv
COPY domain domain
COPY eventstore eventstore
COPY projections projections
COPY gateway gateway
COPY workers workers
COPY app app
# rq's cron goes by local time, hence UTC.
ENV PATH=/srv/keyledger/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TZ=UTC HOST=0.0.0.0 PORT=8000
USER 10001
EXPOSE 8000
# Readiness makes a round trip through the database as a verification does. It is 503 when no key can be verified.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/ready', timeout=4)"]
CMD ["python", "-m", "app", "serve"]
