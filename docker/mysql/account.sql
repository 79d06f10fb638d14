-- Run once, when the server has no data yet. The account service authenticates with its client certificate
-- (scripts/make_certs.sh), so there is no password. Keep in step with k8s/overlays/small/databases/mysql/account.sql.
CREATE DATABASE seen;
CREATE USER 'seen'@'%' REQUIRE SUBJECT '/CN=account';
GRANT ALL ON seen.* TO 'seen'@'%';
