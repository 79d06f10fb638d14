-- Run once, by a server that has no data yet: docker/mysql/account.sql, which Kustomize may not reach.
CREATE DATABASE seen;
CREATE USER 'seen'@'%' REQUIRE SUBJECT '/CN=account';
GRANT ALL ON seen.* TO 'seen'@'%';
