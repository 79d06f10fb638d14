#!/usr/bin/env bash
# Creates the certificates of MySQL and of the account service. Certificates that are valid for 30 more days are kept.
#
#   scripts/make_certs.sh [FOLDER [HOST…]]
#
#   FOLDER    gets ca.pem, server-cert.pem, client-cert.pem and their keys, which only the owner can read (default:
#             .local/certificates)
#   HOST…     the names in the server's certificate (default: mysql localhost)
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit
fi
if ! command -v openssl >/dev/null; then
    echo "make_certs.sh: openssl is not installed; install it and try again" >&2
    exit 1
fi
folder=${1:-$(dirname "$0")/../.local/certificates}
hosts=("${@:2}")
((${#hosts[@]})) || hosts=(mysql localhost)

umask 077
mkdir -p "$folder"
# Files are created here and then moved, so that readers never see a partial file.
fresh=$(mktemp -d "$folder/.fresh.XXXXXX")
trap 'rm -rf "$fresh"' EXIT

is_valid() { # CERTIFICATE, KEY, hosts that the certificate must name
    [[ -s $folder/$2 ]] || return
    openssl x509 -in "$folder/$1" -noout -checkend $((30 * 24 * 3600)) >/dev/null 2>&1 || return
    for host in "${@:3}"; do
        openssl x509 -in "$folder/$1" -noout -checkhost "$host" | grep -q 'does match' || return
    done
}

create() { # CERTIFICATE, KEY, COMMON NAME, options for openssl
    # An empty configuration, because the system's could add extensions.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$3" \
        -config <(printf '[req]\ndistinguished_name = names\n[names]\n') \
        -keyout "$fresh/$2" -out "$fresh/$1" "${@:4}" 2>"$fresh/errors" || { cat "$fresh/errors" >&2; exit 1; }
    chmod 644 "$fresh/$1"
    mv -f "$fresh/$2" "$fresh/$1" "$folder/"
    echo "created $folder/$1"
}

create_signed() { # CERTIFICATE, KEY, COMMON NAME, EXTENDED KEY USAGE, options for openssl
    create "$1" "$2" "$3" -days 365 -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" \
        -addext basicConstraints=critical,CA:FALSE -addext "extendedKeyUsage=$4" "${@:5}"
}

if ! is_valid ca.pem ca-key.pem; then
    rm -f "$folder"/{server,client}-cert.pem  # signed by the old authority
    create ca.pem ca-key.pem "Seen's own authority" -days 3650 \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
fi
if ! is_valid server-cert.pem server-key.pem "${hosts[@]}"; then
    create_signed server-cert.pem server-key.pem "${hosts[0]}" serverAuth \
        -addext "subjectAltName=$(printf 'DNS:%s,' "${hosts[@]}" | sed 's/,$//')"
fi
# k8s/overlays/small/databases/mysql/account.sql requires this common name.
if ! is_valid client-cert.pem client-key.pem; then
    create_signed client-cert.pem client-key.pem account clientAuth
fi
