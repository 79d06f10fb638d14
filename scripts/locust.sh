#!/usr/bin/env bash
# Runs a load test against an API with Locust, a master and many workers in a separate cluster. Can be repeated: an
# existing cluster gets the new values. The cluster costs money until it is deleted with --delete.
#
#   scripts/locust.sh --target URL --tag TAG [--users N] [--workers N] [--config FILE] [--dry-run]
#   scripts/locust.sh --delete [--yes] [--config FILE] [--dry-run]
#
#   --target URL   the API: https://HOST
#   --tag TAG      the commit whose image seen/locust is used
#   --users N      simulated users (default: 100); can be changed on Locust's page
#   --workers N    worker processes (default: one per 100 users)
#   --delete       deletes the cluster
#   --yes          does not ask for confirmation
#
# Needs kubectl, gcloud with gke-gcloud-auth-plugin, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER (the new
# cluster's name is SEEN_CLUSTER-locust), SEEN_AUTH0_URL, SEEN_AUTH0_AUDIENCE, and the test accounts at Auth0:
# SEEN_LOAD_CLIENT_ID, SEEN_LOAD_USERNAME, SEEN_LOAD_PASSWORD, the last two with {n} for the account's number. Seen's
# ingress limits requests per address, and Locust's nodes have few: raise the limit during the test
# (istio/gateway/rate-limit.yaml).
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

target="" tag="" users=100 workers="" delete="" yes=""
parse_options "target tag users workers delete! yes!" "$@"
need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER
SEEN_CLUSTER+=-locust SEEN_CONTEXT=""
cluster=(--location="$SEEN_REGION" --project="$SEEN_PROJECT" --quiet)

if [[ $delete ]]; then
    need_command gcloud curl
    need_permissions container.clusters.delete
    confirm "$SEEN_CLUSTER" "Delete the cluster $SEEN_CLUSTER?"
    run gcloud container clusters delete "$SEEN_CLUSTER" "${cluster[@]}"
    exit
fi

[[ $target =~ ^https?://[^/]+/?$ ]] || fail "--target https://HOST is required"
[[ $tag ]] || fail "--tag is required: the commit whose image seen/locust is used"
[[ $users =~ ^[1-9][0-9]*$ ]] || fail "--users must be a positive number, not $users"
workers=${workers:-$(((users + 99) / 100))}
[[ $workers =~ ^[1-9][0-9]*$ ]] || fail "--workers must be a positive number, not $workers"
people=(SEEN_AUTH0_URL SEEN_AUTH0_AUDIENCE SEEN_LOAD_CLIENT_ID SEEN_LOAD_USERNAME)
need_variable "${people[@]}" SEEN_LOAD_PASSWORD
need_command gcloud curl kubectl gke-gcloud-auth-plugin
need_permissions container.clusters.create

# Three workers fit on a node with 4 vCPU. Spot nodes cost a fraction, and losing one interrupts the test for a minute.
unless gcloud container clusters describe "$SEEN_CLUSTER" "${cluster[@]}" -- \
    gcloud container clusters create "$SEEN_CLUSTER" --node-locations="$SEEN_REGION-b" --network=seen \
    --subnetwork=seen --release-channel=regular --machine-type=e2-standard-4 --disk-size=30 --spot --num-nodes=1 \
    --enable-autoscaling --min-nodes=1 --max-nodes=10 \
    --service-account="$(google_account seen-nodes)" \
    --enable-dns-access --no-enable-ip-access --logging=SYSTEM --monitoring=SYSTEM --no-enable-managed-prometheus \
    "${cluster[@]}"
need_cluster create/namespaces/default patch/deployments/locust patch/secrets/locust

# Render a copy with these values.
copy=$private/k8s/locust
mkdir -p "$private/k8s" "$private/version"
cp -RL "$root/k8s/locust" "$root/k8s/restricted" "$private/k8s"
printf '%s\n' "LOCUST_HOST=$target" "LOCUST_USERS=$users" "LOCUST_SPAWN_RATE=$(((users + 9) / 10))" >"$copy/run.env"
for name in "${people[@]}"; do
    printf '%s=%s\n' "$name" "${!name}"
done >"$copy/people.env"
cat >"$private/version/kustomization.yaml" <<YAML
resources: [../k8s/locust]
images: [{name: seen/locust, newName: $SEEN_REGION-docker.pkg.dev/$SEEN_PROJECT/seen/locust, newTag: "$tag"}]
replicas: [{name: worker, count: $workers}]
YAML

create_or_update namespace locust
printf %s "$SEEN_LOAD_PASSWORD" >"$private/password"
create_or_update secret generic people --namespace=locust --from-file=SEEN_LOAD_PASSWORD="$private/password"
run kubectl apply --kustomize="$private/version"
run kubectl --namespace=locust rollout status deployment/master --timeout=10m
run kubectl --namespace=locust rollout status deployment/worker --timeout=10m
[[ $dry_run ]] || cat <<TEXT
$workers workers are ready. Locust's page is http://localhost:8089 while this runs:

  gcloud container clusters get-credentials $SEEN_CLUSTER --location=$SEEN_REGION --project=$SEEN_PROJECT --dns-endpoint
  kubectl --namespace=locust port-forward service/master 8089

When you are done: scripts/locust.sh --delete
TEXT
