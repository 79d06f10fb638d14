#!/usr/bin/env bash
# Runs Locust, a master and many workers, in a cluster of its own, against an API. Safe to repeat: what is there takes
# over the new values. A cluster costs money as long as it is there: --delete when you are done.
#
#   scripts/locust.sh --target URL --tag TAG [--users N] [--workers N] [--config FILE] [--dry-run]
#   scripts/locust.sh --delete [--yes] [--config FILE] [--dry-run]
#
#   --target URL   the API: https://HOST
#   --tag TAG      the commit whose image seen/locust runs
#   --users N      simulated people, 100 unless said; Locust's page can change it
#   --workers N    processes that they are shared out to, one for each 100 of them unless said
#   --delete       removes the cluster
#   --config FILE  takes the variables from a file of NAME=VALUE lines; may be given again, for a file of secrets alone
#   --dry-run      shows the commands, and runs none
#
# Needs kubectl, gcloud with gke-gcloud-auth-plugin, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER (-locust is put
# behind it), SEEN_AUTH0_URL, SEEN_AUTH0_AUDIENCE; and of the test accounts at Auth0 SEEN_LOAD_CLIENT_ID,
# SEEN_LOAD_USERNAME, SEEN_LOAD_PASSWORD, the last two with {n} in the place of the account's number. Locust's nodes
# have few addresses, and Seen's ingress limits how often one may ask: raise that meanwhile
# (istio/gateway/rate-limit.yaml).
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
set -- "${rest[@]}"
target="" tag="" users=100 workers="" delete=""
while (($#)); do
    case $1 in
    --delete)
        delete=1
        shift
        continue
        ;;
    --target) target=$(value "$@") ;;
    --tag) tag=$(value "$@") ;;
    --users) users=$(value "$@") ;;
    --workers) workers=$(value "$@") ;;
    *) unknown "$1" ;;
    esac
    shift 2
done
need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER
SEEN_CLUSTER+=-locust SEEN_CONTEXT=""
cluster=(--location="$SEEN_REGION" --project="$SEEN_PROJECT" --quiet)

if [[ $delete ]]; then
    need_command gcloud curl
    need_rights container.clusters.delete
    confirm "$SEEN_CLUSTER" "The cluster $SEEN_CLUSTER goes."
    run gcloud container clusters delete "$SEEN_CLUSTER" "${cluster[@]}"
    exit
fi

[[ $target =~ ^https?://[^/]+/?$ ]] || fail "needs --target https://HOST"
[[ $tag ]] || fail "needs --tag: the commit whose image seen/locust runs"
[[ $users =~ ^[1-9][0-9]*$ ]] || fail "--users is a number, not $users"
workers=${workers:-$(((users + 99) / 100))}
[[ $workers =~ ^[1-9][0-9]*$ ]] || fail "--workers is a number, not $workers"
people=(SEEN_AUTH0_URL SEEN_AUTH0_AUDIENCE SEEN_LOAD_CLIENT_ID SEEN_LOAD_USERNAME)
need_variable "${people[@]}" SEEN_LOAD_PASSWORD
need_command gcloud curl kubectl gke-gcloud-auth-plugin
need_rights container.clusters.create

# Three workers to a node of four processors; nodes that Google may take back cost a fraction, and a lost one a minute.
unless gcloud container clusters describe "$SEEN_CLUSTER" "${cluster[@]}" -- \
    gcloud container clusters create "$SEEN_CLUSTER" --node-locations="$SEEN_REGION-b" --network=seen \
    --subnetwork=seen --release-channel=regular --machine-type=e2-standard-4 --disk-size=30 --spot --num-nodes=1 --enable-autoscaling \
    --min-nodes=1 --max-nodes=10 --service-account="seen-nodes@$SEEN_PROJECT.iam.gserviceaccount.com" \
    --enable-dns-access --no-enable-ip-access --logging=SYSTEM --monitoring=SYSTEM --no-enable-managed-prometheus \
    "${cluster[@]}"
need_cluster create/namespaces/default patch/deployments/locust patch/secrets/locust

# Renders a copy with these values.
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

put namespace locust
printf %s "$SEEN_LOAD_PASSWORD" >"$private/password"
put secret generic people --namespace=locust --from-file=SEEN_LOAD_PASSWORD="$private/password"
run kubectl apply --kustomize="$private/version"
run kubectl --namespace=locust rollout status deployment/master --timeout=10m
run kubectl --namespace=locust rollout status deployment/worker --timeout=10m
[[ $dry_run ]] || cat <<TEXT
$workers workers are ready. Locust's page is http://localhost:8089 while this runs:

  gcloud container clusters get-credentials $SEEN_CLUSTER --location=$SEEN_REGION --project=$SEEN_PROJECT --dns-endpoint
  kubectl --namespace=locust port-forward service/master 8089

and when you are done: scripts/locust.sh --delete
TEXT
