#!/usr/bin/env bash
# Creates the Secrets with the databases' URIs and certificates in the cluster. Can be repeated: existing Secrets get
# the current values. Values are neither printed nor passed on a command line.
#
#   scripts/create_secrets.sh OVERLAY [--config FILE]… [--dry-run]
#
#   OVERLAY        gke: external databases; small: the overlay's own databases, for which certificates are created here,
#                  and renewed when they are valid for less than 30 days
#
# Needs kubectl and openssl. For GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION,
# SEEN_CLUSTER; for another cluster SEEN_CONTEXT, a context of kubectl. The overlay gke also needs
#   SEEN_MONGO_DATASET_URIS  for each dataset, such as SEEN_MONGO_BOOK_URIS: a mongodb:// or mongodb+srv:// URI for each
#       shard, separated by commas, shard 1 first (ids depend on the order)
#   SEEN_DATABASE_URL  mysql+pymysql://USER:PASSWORD@HOST/NAME
#   SEEN_DATABASE_CA, SEEN_DATABASE_CERT, SEEN_DATABASE_KEY  files: the MySQL server's authority, the client's
#       certificate and its key
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

overlay=""
parse_options overlay: "$@"

# must_match VARIABLE PATTERN DESCRIPTION: does not print the value, which may contain a password.
must_match() {
    [[ ${!1} =~ $2 ]] || fail "$1 must be $3"
}

# secret NAME KEY=FILE…
secret() {
    local name=$1
    shift
    create_or_update secret generic "$name" --namespace=seen "${@/#/--from-file=}"
}

mongo() { # DATASET, URIs
    printf %s "$2" >"$private/$1"
    secret "mongo-$1" uris="$private/$1"
}

account_database() { # URL, files of the authority, the client certificate and its key
    printf %s "$1" >"$private/url"
    secret account-database url="$private/url" ca.pem="$2" client-cert.pem="$3" client-key.pem="$4"
}

external_databases() {
    local dataset uris
    for dataset in "${datasets[@]}"; do
        uris=SEEN_MONGO_${dataset^^}_URIS
        mongo "$dataset" "${!uris}"
    done
    account_database "$SEEN_DATABASE_URL" "$SEEN_DATABASE_CA" "$SEEN_DATABASE_CERT" "$SEEN_DATABASE_KEY"
}

# NetworkPolicies admit only their own services, so these databases have no passwords. MySQL requires a certificate.
overlay_databases() {
    local dataset server uris
    for dataset in "${datasets[@]}"; do
        uris=""
        for server in "$root/k8s/overlays/small/databases/mongo-$dataset"*; do
            uris+="mongodb://${server##*/}/?directConnection=true,"
        done
        mongo "$dataset" "${uris%,}"
    done
    if certificates_valid; then
        echo "exist already: the certificates of MySQL and of its client" >&2
        return
    fi
    local folder=$private/certificates
    # A temporary folder: the authority's key is deleted, so it cannot sign any other certificate.
    run "$root/scripts/make_certs.sh" "$folder" mysql >/dev/null
    secret mysql-server ca.pem="$folder/ca.pem" server-cert.pem="$folder/server-cert.pem" \
        server-key.pem="$folder/server-key.pem"
    account_database mysql+pymysql://seen@mysql/seen \
        "$folder/ca.pem" "$folder/client-cert.pem" "$folder/client-key.pem"
    # Running pods have read their certificates at start.
    if [[ ! $dry_run ]] && kubectl get statefulset mysql --namespace=seen >/dev/null 2>&1; then
        run kubectl rollout restart statefulset/mysql deployment/account --namespace=seen
    fi
}

certificates_valid() {
    [[ ! $dry_run ]] && kubectl get secret account-database --namespace=seen >/dev/null 2>&1 &&
        kubectl get secret mysql-server --namespace=seen --output=jsonpath='{.data.server-cert\.pem}' 2>/dev/null |
        base64 -d | openssl x509 -noout -checkend $((30 * 86400)) >/dev/null 2>&1
}

# The datasets are the folders with a loader.
mapfile -t datasets < <(cd "$root/k8s/base" && printf '%s\n' */loader.yaml | sed -e 's,/.*,,' -e '/^common$/d')

case $overlay in
gke)
    mapfile -t names < <(printf 'SEEN_MONGO_%s_URIS\n' "${datasets[@]^^}")
    need_variable "${names[@]}" SEEN_DATABASE_URL SEEN_DATABASE_CA SEEN_DATABASE_CERT SEEN_DATABASE_KEY
    for name in "${names[@]}"; do
        must_match "$name" '^mongodb(\+srv)?://' 'a URI mongodb://… or mongodb+srv://…'
    done
    must_match SEEN_DATABASE_URL '^(mysql|mariadb)\+pymysql://' 'a URL mysql+pymysql://USER:PASSWORD@HOST/NAME'
    create=external_databases
    ;;
small) create=overlay_databases ;;
*) fail "OVERLAY must be gke or small" ;;
esac
need_command openssl
if [[ $overlay == gke && ! $dry_run ]]; then
    [[ -r $SEEN_DATABASE_CA ]] || fail "SEEN_DATABASE_CA: cannot read $SEEN_DATABASE_CA"
    need_certificate "$SEEN_DATABASE_CERT" "$SEEN_DATABASE_KEY"
fi
need_cluster create/namespaces/default create/secrets/seen patch/secrets/seen

unless kubectl get namespace seen -- kubectl apply --filename="$root/k8s/base/namespace.yaml"
"$create"
[[ $dry_run ]] || echo "the Secrets are created; next: scripts/deploy.sh $overlay"
