#!/usr/bin/env bash
# Makes the certificates by which MySQL and the account service know each other: make_certs.sh [FOLDER [HOST…]]
# FOLDER, or .local/certificates, gets ca.pem; server-cert.pem for MySQL under each HOST, or mysql and localhost;
# client-cert.pem for the account service; and their keys, for your eyes only. Those that hold for 30 more days stay.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,4s/^# //p' "$0"
    exit
fi
if ! command -v openssl >/dev/null; then
    echo "make_certs.sh: there is no openssl: install it, then run this again" >&2
    exit 1
fi
folder=${1:-$(dirname "$0")/../.local/certificates}
hosts=("${@:2}")
((${#hosts[@]})) || hosts=(mysql localhost)

umask 077
mkdir -p "$folder"
# Made here and moved into place, so that nobody finds half of one.
fresh=$(mktemp -d "$folder/.fresh.XXXXXX")
trap 'rm -rf "$fresh"' EXIT

holds() { # FILE OF A CERTIFICATE, FILE OF ITS KEY, then hosts that it must name
    [[ -s $folder/$2 ]] || return
    openssl x509 -in "$folder/$1" -noout -checkend $((30 * 24 * 3600)) >/dev/null 2>&1 || return
    for host in "${@:3}"; do
        openssl x509 -in "$folder/$1" -noout -checkhost "$host" | grep -q 'does match' || return
    done
}

make() { # FILE OF A CERTIFICATE, FILE OF ITS KEY, COMMON NAME, then options of openssl
    # A configuration of our own: the system's might add to what the certificate says.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$3" \
        -config <(printf '[req]\ndistinguished_name = names\n[names]\n') \
        -keyout "$fresh/$2" -out "$fresh/$1" "${@:4}" 2>"$fresh/said" || { cat "$fresh/said" >&2; exit 1; }
    chmod 644 "$fresh/$1"  # no secret
    mv -f "$fresh/$2" "$fresh/$1" "$folder/"
    echo "made $folder/$1"
}

signed() { # FILE OF A CERTIFICATE, FILE OF ITS KEY, COMMON NAME, WHAT FOR, then options of openssl
    make "$1" "$2" "$3" -days 365 -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" \
        -addext basicConstraints=critical,CA:FALSE -addext "extendedKeyUsage=$4" "${@:5}"
}

if ! holds ca.pem ca-key.pem; then
    rm -f "$folder"/{server,client}-cert.pem  # a new authority's word is needed for them
    make ca.pem ca-key.pem "Seen's own authority" -days 3650 \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
fi
if ! holds server-cert.pem server-key.pem "${hosts[@]}"; then
    signed server-cert.pem server-key.pem "${hosts[0]}" serverAuth \
        -addext "subjectAltName=$(printf 'DNS:%s,' "${hosts[@]}" | sed 's/,$//')"
fi
# docker/mysql/account.sql knows it by this name.
if ! holds client-cert.pem client-key.pem; then
    signed client-cert.pem client-key.pem account clientAuth
fi
