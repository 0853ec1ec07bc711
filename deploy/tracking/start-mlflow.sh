#!/bin/sh
# Starts MLflow with a password, on PostgreSQL and S3. In: the environment that compose.yaml gives. Out: port 5000.
set -eu
config="${MLFLOW_AUTH_CONFIG_PATH:?}"
[ -w "$(dirname "$config")" ] || config="${TMPDIR:-/tmp}/auth.ini"
export MLFLOW_AUTH_CONFIG_PATH="$config"
umask 077
cat > "$config" <<END
[mlflow]
default_permission = READ
database_uri = postgresql+psycopg2://mlflow:${POSTGRES_PASSWORD:?}@${POSTGRES_HOST:?}/mlflow_auth
admin_username = admin
admin_password = ${MLFLOW_ADMIN_PASSWORD:?}
END
exec mlflow server \
    --app-name basic-auth \
    --host "${BIND:-0.0.0.0}" --port "${PORT:-5000}" --workers "${WORKERS:-2}" \
    --allowed-hosts "${ALLOWED_HOSTS:?}" \
    --backend-store-uri "postgresql+psycopg2://mlflow:${POSTGRES_PASSWORD}@${POSTGRES_HOST}/mlflow" \
    --serve-artifacts --artifacts-destination "s3://${BUCKET:-mlflow}"
