#!/bin/sh
# Entrypoint of MySQL in docker-compose.yml: prepares the TLS key, then runs the image's own entrypoint.
# Starts as root; the image's entrypoint switches to the user mysql.
set -eu

# Nobody signs in as root, so its password is random. Only a server without data reads it.
MYSQL_ROOT_PASSWORD=$(head -c 32 /dev/urandom | base64)
export MYSQL_ROOT_PASSWORD

# In the volume only root can read the key. /tmp and /run/mysqld (for the socket) are tmpfs mounts.
(umask 077 && cp /certificates/server-key.pem /tmp/)
chown mysql /tmp/server-key.pem /run/mysqld
exec docker-entrypoint.sh mysqld \
    --skip-name-resolve \
    --require-secure-transport=ON \
    --ssl-ca=/certificates/ca.pem \
    --ssl-cert=/certificates/server-cert.pem \
    --ssl-key=/tmp/server-key.pem
