-- Run once, when the server has no data yet. A copy of docker/mysql/account.sql, because Kustomize cannot read files
-- outside its folder.
CREATE DATABASE seen;
CREATE USER 'seen'@'%' REQUIRE SUBJECT '/CN=account';
GRANT ALL ON seen.* TO 'seen'@'%';
