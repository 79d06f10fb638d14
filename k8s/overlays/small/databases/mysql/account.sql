-- Run once, when the server has no data yet; docker-compose.yml mounts this file too. The account service authenticates
-- with its client certificate (scripts/make_certs.sh) instead of a password.
CREATE DATABASE seen;
CREATE USER 'seen'@'%' REQUIRE SUBJECT '/CN=account';
GRANT ALL ON seen.* TO 'seen'@'%';
