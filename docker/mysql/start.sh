#!/bin/sh
# What stands before the MySQL image's own entrypoint in docker-compose.yml. Run as root, which then becomes mysql.
set -eu

# Nobody signs in as root, so nobody knows its password. It is read once, by a server that has no data yet.
MYSQL_ROOT_PASSWORD=$(head -c 32 /dev/urandom | base64)
export MYSQL_ROOT_PASSWORD

# The key is root's in the certificates' volume; /tmp and /run/mysqld, for the socket, are this container's memory.
(umask 077 && cp /certificates/server-key.pem /tmp/)
chown mysql /tmp/server-key.pem /run/mysqld
exec docker-entrypoint.sh mysqld \
    --skip-name-resolve \
    --require-secure-transport=ON \
    --ssl-ca=/certificates/ca.pem \
    --ssl-cert=/certificates/server-cert.pem \
    --ssl-key=/tmp/server-key.pem
