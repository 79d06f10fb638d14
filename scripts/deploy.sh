#!/usr/bin/env bash
# Deploys a version of Seen: applies everything except the services, migrates the account database, deploys the
# services, waits for the rollout and runs a smoke test. If a step fails, it rolls back to the previous release.
#
#   scripts/deploy.sh OVERLAY [--tag TAG] [--config FILE] [--dry-run]
#
#   OVERLAY        gke or small: a folder of k8s/overlays
#   --tag TAG      the commit whose images in the registry are deployed, by digest (default: the overlay's images)
#
# Needs kubectl and curl. For GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER;
# for another cluster SEEN_CONTEXT, a context of kubectl. And every variable of k8s/overlays/OVERLAY/operator.env.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

overlay="" tag=""
parse_options "overlay: tag" "$@"
operator=$root/k8s/overlays/$overlay/operator.env
[[ $overlay && -f $operator ]] || fail "OVERLAY must be one of: $(cd "$root/k8s/overlays" && echo *)"
mapfile -t operator_variables < <(sed -n 's/^\(SEEN_[A-Z0-9_]*\)=.*/\1/p' "$operator")
need_variable "${operator_variables[@]}"
[[ $tag ]] && need_variable SEEN_PROJECT SEEN_REGION && need_command gcloud
need_command curl tar
need_cluster patch/deployments/seen create/jobs/seen delete/jobs/seen patch/configmaps/seen get/secrets/seen

in_seen=(kubectl --namespace=seen)
sources=$private/sources
# A release is a folder of manifests, one file per object, in the order in which they are applied: `first`, `jobs`,
# `deployments`.
release=$private/release
previous=$private/previous

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
        # Digests, because a tag can be moved while the pods start.
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

# Checks the Secrets, and lets the server validate every object (including webhooks) without storing it.
check() {
    local name missing=()
    [[ $dry_run ]] || for name in $(secrets_used); do
        "${in_seen[@]}" get secret "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    ((${#missing[@]} == 0)) || fail "the cluster lacks the Secrets ${missing[*]}: run scripts/create_secrets.sh"
    run kubectl apply --dry-run=server --filename="$release/first" --filename="$release/deployments" \
        >"$private/changes" || fail "the cluster rejected the manifests; nothing was changed"
    grep -v ' unchanged ' "$private/changes" >&2 || true
}

secrets_used() {
    cat "$release"/*/*.yaml |
        sed -n -e 's/^ *secretName: //p' -e '/secretKeyRef:/,/name:/s/^ *name: //p' | sort -u
}

# Stores the release in the cluster, for a rollback by the next deployment.
store_release() {
    tar -czf "$private/manifests.tgz" -C "$release" first deployments
    create_or_update configmap release --namespace=seen --from-literal=tag="${tag:-none}" \
        --from-file=manifests.tgz="$private/manifests.tgz"
}

fetch_previous_release() {
    mkdir "$previous"
    [[ $dry_run ]] && return
    "${in_seen[@]}" get configmap release --ignore-not-found --output=jsonpath='{.binaryData.manifests\.tgz}' \
        >"$private/previous.base64"
    [[ -s $private/previous.base64 ]] || return 0
    base64 -d "$private/previous.base64" | tar -xzf - -C "$previous"
}

apply_release() { # FOLDER
    run kubectl apply --filename="$1/first" >/dev/null &&
        wait_for_rollout "$1"/first/*_statefulset_*.yaml && # the databases of the overlay small
        migrate "$1" &&
        run kubectl apply --filename="$1/deployments" >/dev/null &&
        wait_for_rollout "$1"/deployments/*.yaml
}

wait_for_rollout() { # FILE…
    local file
    for file; do
        [[ -e $file || $dry_run ]] || continue # a pattern without a match
        run kubectl rollout status --filename="$file" --timeout=8m || return
    done
}

# Migrations are backward compatible, so a rollback does not revert them.
migrate() { # FOLDER
    [[ -d $1/jobs ]] || return 0
    run "${in_seen[@]}" delete job account-migrate --ignore-not-found --wait &&
        run kubectl apply --filename="$1/jobs" >/dev/null &&
        run "${in_seen[@]}" wait job/account-migrate --for=condition=complete --timeout=5m
}

# remove_objects RELEASE OTHER: deletes the objects of the first release that the other one does not have.
remove_objects() {
    local file surplus=()
    [[ $dry_run ]] && return
    for file in "$1"/{first,deployments}/*.yaml; do
        # Deleting a namespace or a volume claim would delete data.
        [[ -e $2${file#"$1"} || $file == *_namespace_* || $file == *_persistentvolumeclaim_* ]] ||
            surplus+=(--filename="$file")
    done
    ((${#surplus[@]} == 0)) || run kubectl delete "${surplus[@]}" --ignore-not-found
}

# Uses the ingress's address, so that DNS need not be set up yet. Set CURL_CA_BUNDLE for a certificate that is not
# publicly trusted.
smoke_test() {
    address=ADDRESS
    [[ $dry_run ]] || address=$(kubectl --namespace=istio-ingress get service istio-ingressgateway \
        --output=jsonpath='{.status.loadBalancer.ingress[0].ip}') || return
    [[ $address ]] || { echo "the ingress has no address" >&2 && return 1; }
    expect /readyz 200 '' &&
        expect / 200 '<title>Seen</title>' &&
        expect '/lib/1?size=1' 200 '"missing": ?\[\]' &&
        expect /user/search/a 200 '' &&
        expect /suggest 200 '"missing": ?\[\]' --header 'Content-Type: application/json' --data '{"amount": 1}' &&
        expect /user 401 '' # requires a token
}

expect() { # PATH, expected status, pattern that the body must match, options for curl
    local path=$1 status=$2 pattern=$3
    shift 3
    run curl --silent --show-error --max-time 10 --retry 5 --retry-delay 3 --retry-all-errors \
        --resolve "$SEEN_DOMAIN:443:$address" --write-out '\n%{http_code}' "$@" "https://$SEEN_DOMAIN$path" \
        >"$private/response" || return
    [[ $dry_run ]] && return
    [[ $(tail -n 1 "$private/response") == "$status" ]] && grep -Eq "$pattern" "$private/response" && return
    echo "$path: expected status $status${pattern:+ and a body matching $pattern}; got:" >&2
    tail -c 1000 "$private/response" >&2
    return 1
}

roll_back() {
    run "${in_seen[@]}" get pods >&2 || true
    run "${in_seen[@]}" get events --field-selector=type=Warning >&2 || true
    [[ -d $previous/first ]] || fail "the deployment failed, and there is no previous release to roll back to"
    echo "the deployment failed; rolling back" >&2
    if apply_release "$previous" && remove_objects "$release" "$previous"; then
        fail "the deployment failed; the previous release is running again"
    fi
    fail "the deployment failed, and so did the rollback: see kubectl get pods --namespace=seen"
}

render
fetch_previous_release
check
if ! { apply_release "$release" && smoke_test; }; then
    roll_back
fi
[[ ! -d $previous/first ]] || remove_objects "$previous" "$release"
store_release
[[ $dry_run ]] || echo "https://$SEEN_DOMAIN now runs ${tag:-the images of k8s/overlays/$overlay}"
