# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/pullsvc
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --no-install-project
COPY src src
COPY migrations migrations
COPY openapi openapi
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin pullsvc
COPY --from=build /opt/pullsvc /opt/pullsvc
ENV PATH=/opt/pullsvc/bin:$PATH PYTHONUNBUFFERED=1 PULLSVC_HOST=0.0.0.0 PULLSVC_LOG_FORMAT=json
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:8000/readyz', timeout=2).raise_for_status()"]
# Needs PULLSVC_DATABASE_URL (or PULLSVC_DATABASE_URL_FILE); run `pullsvc migrate` once before.
CMD ["pullsvc", "serve"]
