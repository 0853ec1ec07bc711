#!/bin/sh
# Starts SeaweedFS as an S3 server of one machine with one key, and makes the bucket. In: S3_ACCESS_KEY, S3_SECRET_KEY.
set -eu
umask 077
cat > /tmp/s3.json <<END
{"identities": [{"name": "mlflow", "credentials": [{"accessKey": "${S3_ACCESS_KEY:?}", "secretKey": "${S3_SECRET_KEY:?}"}],
 "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
END
(
    until echo "s3.bucket.create -name mlflow" | weed shell > /dev/null 2>&1; do sleep 1; done
) &
exec weed server -dir=/data -ip.bind=0.0.0.0 -volume.max=0 -master.volumeSizeLimitMB=1024 -s3 -s3.config=/tmp/s3.json
