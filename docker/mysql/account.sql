-- Run once, by a server that has no data yet. The account service proves who it is by its certificate
-- (scripts/make_certs.sh), so there is no password to keep.
CREATE DATABASE seen;
CREATE USER 'seen'@'%' REQUIRE SUBJECT '/CN=account';
GRANT ALL ON seen.* TO 'seen'@'%';
