#!/usr/bin/env bash
# Brings a version of Seen into the cluster: what it needs, the accounts database's tables, then the services; waits
# until they run, asks what a visitor would ask, and goes back to the version before where it does not work.
#
#   scripts/deploy.sh OVERLAY [--tag TAG] [--config FILE] [--dry-run]
#
#   OVERLAY        gke or small: a folder of k8s/overlays
#   --tag TAG      the commit whose images in the registry are deployed, by their digests; else the overlay's own are
#   --config FILE  takes the variables from a file of NAME=VALUE lines
#   --dry-run      shows the commands, and runs none
#
# Needs kubectl and curl; for GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER;
# for another cluster SEEN_CONTEXT, its name to kubectl; and every variable of k8s/overlays/OVERLAY/operator.env.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
set -- "${rest[@]}"
overlay="" tag=""
while (($#)); do
    case $1 in
    --tag)
        tag=$(value "$@")
        shift
        ;;
    -*) unknown "$1" ;;
    *)
        [[ $overlay ]] && unknown "$1"
        overlay=$1
        ;;
    esac
    shift
done
operator=$root/k8s/overlays/$overlay/operator.env
[[ $overlay && -f $operator ]] || fail "OVERLAY is one of: $(cd "$root/k8s/overlays" && echo *)"
mapfile -t operator_variables < <(sed -n 's/^\(SEEN_[A-Z0-9_]*\)=.*/\1/p' "$operator")
need_variable "${operator_variables[@]}"
[[ $tag ]] && need_variable SEEN_PROJECT SEEN_REGION && need_command gcloud
need_command curl tar
need_cluster patch/deployments/seen create/jobs/seen delete/jobs/seen patch/configmaps/seen get/secrets/seen

in_seen=(kubectl --namespace=seen)
sources=$private/sources
# A release is a folder of manifests, one file an object: `first` (all but the others), `jobs`, `deployments`.
release=$private/release
before=$private/before

# Renders a copy of the overlay, with the operator's values and the images' digests, into $release.
render() {
    local name digest names registry=${SEEN_REGION:-}-docker.pkg.dev/${SEEN_PROJECT:-}/seen
    mkdir -p "$sources/version" "$release"/{first,jobs,deployments}
    cp -RL "$root/k8s" "$root/istio" "$sources"
    for name in "${operator_variables[@]}"; do
        printf '%s=%s\n' "$name" "${!name}"
    done >"$sources/k8s/overlays/$overlay/operator.env"

    printf 'resources: [../k8s/overlays/%s]\n' "$overlay" >"$sources/version/kustomization.yaml"
    if [[ $tag ]]; then
        echo 'images:' >>"$sources/version/kustomization.yaml"
        # A tag can be moved while the pods start; a digest is always the same image.
        mapfile -t names < <(grep -rhoE 'image: seen/[a-z0-9-]+' "$root/k8s/base" | sed 's,.*/,,' | sort -u)
        for name in "${names[@]}"; do
            digest=$(run gcloud artifacts docker tags list "$registry/$name" --filter="tag~/tags/$tag\$" \
                --format='value(version.basename())' --quiet)
            [[ $digest || $dry_run ]] || fail "the registry has no image $registry/$name:$tag"
            printf '  - {name: seen/%s, newName: %s/%s, digest: "%s"}\n' "$name" "$registry" "$name" "$digest"
        done >>"$sources/version/kustomization.yaml"
    fi
    run kubectl kustomize "$sources/version" --output="$release/first"
    if [[ ! $dry_run ]]; then
        mv "$release"/first/*_job_*.yaml "$release/jobs"
        mv "$release"/first/*_deployment_*.yaml "$release/deployments"
    fi
}

# Whether it can be done at all. The server looks at every object, with its webhooks, and keeps none.
check() {
    local name missing=()
    [[ $dry_run ]] || for name in $(secrets_used); do
        "${in_seen[@]}" get secret "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    ((${#missing[@]} == 0)) || fail "the cluster lacks the secrets ${missing[*]}: scripts/create_secrets.sh makes them"
    run kubectl apply --dry-run=server --filename="$release/first" --filename="$release/deployments" \
        >"$private/changes" || fail "the cluster would not take it; nothing was changed"
    grep -v ' unchanged ' "$private/changes" >&2 || true
}

secrets_used() {
    cat "$release"/*/*.yaml |
        sed -n -e 's/^ *secretName: //p' -e '/secretKeyRef:/,/name:/s/^ *name: //p' | sort -u
}

# What ran well last is kept in the cluster itself, for whoever deploys next.
remember() {
    tar -czf "$private/manifests.tgz" -C "$release" first deployments
    put configmap release --namespace=seen --from-literal=tag="${tag:-none}" \
        --from-file=manifests.tgz="$private/manifests.tgz"
}

recall() {
    mkdir "$before"
    [[ $dry_run ]] && return
    "${in_seen[@]}" get configmap release --ignore-not-found --output=jsonpath='{.binaryData.manifests\.tgz}' \
        >"$private/before.base64"
    [[ -s $private/before.base64 ]] || return 0
    base64 -d "$private/before.base64" | tar -xzf - -C "$before"
}

# bring FOLDER: its objects, then the pods.
bring() {
    run kubectl apply --filename="$1/first" >/dev/null &&
        rolled_out "$1"/first/*_statefulset_*.yaml && # the databases of the overlay small
        migrate "$1" &&
        run kubectl apply --filename="$1/deployments" >/dev/null &&
        rolled_out "$1"/deployments/*.yaml
}

rolled_out() { # FILE…
    local file
    for file; do
        [[ -e $file || $dry_run ]] || continue # a pattern that nothing fits
        run kubectl rollout status --filename="$file" --timeout=8m || return
    done
}

# Tables only ever gain what the version before can live with, so that going back needs none of this.
migrate() { # FOLDER
    [[ -d $1/jobs ]] || return 0
    run "${in_seen[@]}" delete job account-migrate --ignore-not-found --wait &&
        run kubectl apply --filename="$1/jobs" >/dev/null &&
        run "${in_seen[@]}" wait job/account-migrate --for=condition=complete --timeout=5m
}

# remove WHAT IS IN FOLDER, BUT NOT IN FOLDER
remove() {
    local file gone=()
    [[ $dry_run ]] && return
    for file in "$1"/{first,deployments}/*.yaml; do
        # A namespace or a claim would take its data with it.
        [[ -e $2${file#"$1"} || $file == *_namespace_* || $file == *_persistentvolumeclaim_* ]] ||
            gone+=(--filename="$file")
    done
    ((${#gone[@]} == 0)) || run kubectl delete "${gone[@]}" --ignore-not-found
}

# Through the ingress's own address, so that it does not matter where DNS points yet. CURL_CA_BUNDLE names the authority
# of a certificate that is not publicly trusted.
smoke_test() {
    address=ADDRESS
    [[ $dry_run ]] || address=$(kubectl --namespace=istio-ingress get service istio-ingressgateway \
        --output=jsonpath='{.status.loadBalancer.ingress[0].ip}') || return
    [[ $address ]] || { echo "the ingress has no address" >&2 && return 1; }
    ask /readyz 200 '' &&
        ask '/lib/1?size=1' 200 '"missing": ?\[\]' &&
        ask /user/search/a 200 '' &&
        ask /suggest 200 '"missing": ?\[\]' --header 'Content-Type: application/json' --data '{"amount": 1}' &&
        ask /user 401 '' # closed to who has no token
}

ask() { # PATH, the status expected, what the answer must hold, options of curl's
    local path=$1 status=$2 holds=$3
    shift 3
    run curl --silent --show-error --max-time 10 --retry 5 --retry-delay 3 --retry-all-errors \
        --resolve "$SEEN_DOMAIN:443:$address" --write-out '\n%{http_code}' "$@" "https://$SEEN_DOMAIN$path" \
        >"$private/answer" || return
    [[ $dry_run ]] && return
    [[ $(tail -n 1 "$private/answer") == "$status" ]] && grep -Eq "$holds" "$private/answer" && return
    echo "$path should have answered $status${holds:+ with $holds in it}; it answered:" >&2
    tail -c 1000 "$private/answer" >&2
    return 1
}

go_back() {
    run "${in_seen[@]}" get pods >&2 || true
    run "${in_seen[@]}" get events --field-selector=type=Warning >&2 || true
    [[ -d $before/first ]] || fail "this version does not work, and there is none before it to go back to"
    echo "this version does not work; going back to the one before" >&2
    if bring "$before" && remove "$release" "$before"; then
        fail "this version does not work; the one before runs again"
    fi
    fail "this version does not work, and going back failed too: look at kubectl get pods --namespace=seen"
}

render
recall
check
if ! { bring "$release" && smoke_test; }; then
    go_back
fi
[[ ! -d $before/first ]] || remove "$before" "$release"
remember
[[ $dry_run ]] || echo "https://$SEEN_DOMAIN runs ${tag:-the images of k8s/overlays/$overlay}"
