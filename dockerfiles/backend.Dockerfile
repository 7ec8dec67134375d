FROM python:3.11-slim AS build
WORKDIR /app
# The dependencies change less often than the code: their layer is kept.
COPY backend/requirements.lock ./
RUN python -m pip install --no-cache-dir --no-compile --no-deps --only-binary :all: --require-hashes \
    --target site --requirement requirements.lock
COPY serving/ site/serving/
COPY backend/backend/ site/backend/
# Compiled once here: the root file system is read-only when it runs.
RUN python -m compileall -q --invalidation-mode unchecked-hash site

FROM python:3.11-slim
COPY --from=build /app/site /app/site
ENV PYTHONPATH=/app/site PORT=8000
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-SP", "-m", "backend"]
