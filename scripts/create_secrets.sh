#!/usr/bin/env bash
# Puts what the services need to know of their databases, and nobody else may, into the cluster. Safe to repeat: what is
# there gets the values as they are now. No value is printed or stands on a command line.
#
#   scripts/create_secrets.sh OVERLAY [--config FILE]… [--dry-run]
#
#   OVERLAY        gke: databases of the operator's own; or small: those that the overlay brings, for which certificates
#                  are made here, and again when they hold for less than 30 days
#   --config FILE  takes the variables from a file of NAME=VALUE lines; may be given again, for a file of secrets alone
#   --dry-run      shows the commands, and runs none
#
# Needs kubectl and openssl; for GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION,
# SEEN_CLUSTER; for another cluster SEEN_CONTEXT, its name to kubectl. For the overlay gke also
#   SEEN_MONGO_BOOK_URIS, SEEN_MONGO_IMDB_URIS, SEEN_MONGO_ANIME_URIS  mongodb:// or mongodb+srv:// URI of each shard,
#       separated by commas, shard 1 first; ids depend on the order
#   SEEN_DATABASE_URL  mysql+pymysql://USER:PASSWORD@HOST/NAME
#   SEEN_DATABASE_CA, SEEN_DATABASE_CERT, SEEN_DATABASE_KEY  files: the MySQL server's authority, our certificate and key
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
set -- "${rest[@]}"
overlay=${1:-}
shift $(($# > 0))
no_more "$@"

# must_match NAME PATTERN WORDS: the variable, without ever showing what is in it.
must_match() {
    [[ ${!1} =~ $2 ]] || fail "$1 must read $3"
}

# secret NAME KEY=FILE…
secret() {
    local name=$1
    shift
    put secret generic "$name" --namespace=seen "${@/#/--from-file=}"
}

mongo() { # DATASET, its URIs
    printf %s "$2" >"$private/$1"
    secret "mongo-$1" uris="$private/$1"
}

account_database() { # URL, files of the authority, our certificate and its key
    printf %s "$1" >"$private/url"
    secret account-database url="$private/url" ca.pem="$2" client-cert.pem="$3" client-key.pem="$4"
}

own_databases() {
    local dataset uris
    for dataset in "${datasets[@]}"; do
        uris=SEEN_MONGO_${dataset^^}_URIS
        mongo "$dataset" "${!uris}"
    done
    account_database "$SEEN_DATABASE_URL" "$SEEN_DATABASE_CA" "$SEEN_DATABASE_CERT" "$SEEN_DATABASE_KEY"
}

# Only their own services reach these databases (NetworkPolicies), so they have no passwords; MySQL wants a certificate.
databases_of_the_overlay() {
    local dataset server uris
    for dataset in "${datasets[@]}"; do
        uris=""
        for server in "$root/k8s/overlays/small/databases/mongo-$dataset"*; do
            uris+="mongodb://${server##*/}/?directConnection=true,"
        done
        mongo "$dataset" "${uris%,}"
    done
    if certificates_hold; then
        echo "there already: the certificates of MySQL and of its client" >&2
        return
    fi
    local made=$private/certificates
    # To a folder that goes: the authority signs these two, and nobody can make it sign another.
    run "$root/scripts/make_certs.sh" "$made" mysql >/dev/null
    secret mysql-server ca.pem="$made/ca.pem" server-cert.pem="$made/server-cert.pem" \
        server-key.pem="$made/server-key.pem"
    account_database mysql+pymysql://seen@mysql/seen "$made/ca.pem" "$made/client-cert.pem" "$made/client-key.pem"
    # Those that run read theirs when they started.
    if [[ ! $dry_run ]] && kubectl get statefulset mysql --namespace=seen >/dev/null 2>&1; then
        run kubectl rollout restart statefulset/mysql deployment/account --namespace=seen
    fi
}

certificates_hold() {
    [[ ! $dry_run ]] && kubectl get secret account-database --namespace=seen >/dev/null 2>&1 &&
        kubectl get secret mysql-server --namespace=seen --output=jsonpath='{.data.server-cert\.pem}' 2>/dev/null |
        base64 -d | openssl x509 -noout -checkend $((30 * 86400)) >/dev/null 2>&1
}

# Those that something can be loaded into.
mapfile -t datasets < <(cd "$root/k8s/base" && printf '%s\n' */loader.yaml | sed -e 's,/.*,,' -e '/^common$/d')

case $overlay in
gke)
    mapfile -t names < <(printf 'SEEN_MONGO_%s_URIS\n' "${datasets[@]^^}")
    need_variable "${names[@]}" SEEN_DATABASE_URL SEEN_DATABASE_CA SEEN_DATABASE_CERT SEEN_DATABASE_KEY
    for name in "${names[@]}"; do
        must_match "$name" '^mongodb(\+srv)?://' 'mongodb://… or mongodb+srv://…'
    done
    must_match SEEN_DATABASE_URL '^(mysql|mariadb)\+pymysql://' 'mysql+pymysql://USER:PASSWORD@HOST/NAME'
    make=own_databases
    ;;
small) make=databases_of_the_overlay ;;
*) fail "OVERLAY is gke or small" ;;
esac
need_command openssl
if [[ $overlay == gke && ! $dry_run ]]; then
    [[ -r $SEEN_DATABASE_CA ]] || fail "cannot read $SEEN_DATABASE_CA, which is SEEN_DATABASE_CA"
    need_pair "$SEEN_DATABASE_CERT" "$SEEN_DATABASE_KEY"
fi
need_cluster create/namespaces/default create/secrets/seen patch/secrets/seen

unless kubectl get namespace seen -- kubectl apply --filename="$root/k8s/base/namespace.yaml"
"$make"
[[ $dry_run ]] || echo "the secrets are there; next: scripts/deploy.sh $overlay"
