#!/usr/bin/env bash
# Creates the infrastructure of Seen in Google Cloud: a private network, an autoscaled GKE cluster, an image registry, a
# bucket, and service accounts. Can be repeated: existing resources are kept.
#
#   scripts/create_cluster.sh [--size small|medium|large] [--config FILE] [--dry-run]
#
#   --size SIZE    machine type and number of nodes (default: medium); see k8s/COSTS.md
#
# Needs gcloud, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER, SEEN_BUCKET (without gs://).
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

size=medium
parse_options size "$@"
case $size in
# A single zone, because there may be only one node.
small) machine=e2-standard-4 nodes_min=1 nodes_max=2 zones=(--node-locations="${SEEN_REGION:-}-b") ;;
medium) machine=e2-standard-4 nodes_min=2 nodes_max=8 zones=() ;;
large) machine=e2-highcpu-8 nodes_min=2 nodes_max=20 zones=() ;;
*) fail "--size must be small, medium or large, not $size" ;;
esac

need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER SEEN_BUCKET
[[ $SEEN_BUCKET == gs://* ]] && fail "SEEN_BUCKET must be the bucket's name without gs://"
need_command gcloud curl
need_permissions serviceusage.services.enable resourcemanager.projects.setIamPolicy iam.serviceAccounts.create \
    iam.serviceAccounts.setIamPolicy compute.networks.create compute.routers.create compute.firewalls.create \
    compute.addresses.create container.clusters.create artifactregistry.repositories.create storage.buckets.create
make_private_folder

project=(--project="$SEEN_PROJECT" --quiet)
region=(--region="$SEEN_REGION")

network() {
    unless gcloud compute networks describe seen "${project[@]}" -- \
        gcloud compute networks create seen --subnet-mode=custom "${project[@]}"
    # Private access: nodes and Dataproc reach Google APIs without a public IP address.
    unless gcloud compute networks subnets describe seen "${region[@]}" "${project[@]}" -- \
        gcloud compute networks subnets create seen --network=seen --range=10.10.0.0/20 \
        --secondary-range=pods=10.20.0.0/16,services=10.30.0.0/20 --enable-private-ip-google-access \
        "${region[@]}" "${project[@]}"
    # Dataproc's machines connect to each other on any port.
    unless gcloud compute firewall-rules describe seen-inside "${project[@]}" -- \
        gcloud compute firewall-rules create seen-inside --network=seen --direction=INGRESS --allow=tcp,udp,icmp \
        --source-ranges=10.10.0.0/20 "${project[@]}"
    # By default GKE's control plane may only reach nodes on ports 443 and 10250; Istio's webhook listens on 15017.
    unless gcloud compute firewall-rules describe seen-webhooks "${project[@]}" -- \
        gcloud compute firewall-rules create seen-webhooks --network=seen --direction=INGRESS --allow=tcp:15017 \
        --source-ranges="$control_plane" "${project[@]}"
    # Fixed addresses: seen-egress for the allow-lists of external databases, seen-ingress for DNS.
    for address in seen-egress seen-ingress; do
        unless gcloud compute addresses describe "$address" "${region[@]}" "${project[@]}" -- \
            gcloud compute addresses create "$address" "${region[@]}" "${project[@]}"
    done
    unless gcloud compute routers describe seen "${region[@]}" "${project[@]}" -- \
        gcloud compute routers create seen --network=seen "${region[@]}" "${project[@]}"
    unless gcloud compute routers nats describe seen --router=seen "${region[@]}" "${project[@]}" -- \
        gcloud compute routers nats create seen --router=seen --nat-all-subnet-ip-ranges \
        --nat-external-ip-pool=seen-egress "${region[@]}" "${project[@]}"
}

stores() {
    unless gcloud artifacts repositories describe seen --location="$SEEN_REGION" "${project[@]}" -- \
        gcloud artifacts repositories create seen --repository-format=docker --location="$SEEN_REGION" "${project[@]}"
    # Each commit adds an image and a cache per service. Keep those of the last ten commits for rollbacks.
    cat >"$private/cleanup.json" <<JSON
[{"name": "keep-the-last", "action": {"type": "Keep"}, "mostRecentVersions": {"keepCount": 20}},
 {"name": "delete-the-old", "action": {"type": "Delete"}, "condition": {"tagState": "any", "olderThan": "30d"}}]
JSON
    run gcloud artifacts repositories set-cleanup-policies seen --location="$SEEN_REGION" \
        --policy="$private/cleanup.json" --no-dry-run --format=none "${project[@]}"
    unless gcloud storage buckets describe "gs://$SEEN_BUCKET" "${project[@]}" -- \
        gcloud storage buckets create "gs://$SEEN_BUCKET" --location="$SEEN_REGION" --uniform-bucket-level-access \
        --public-access-prevention "${project[@]}"
}

# Granting a role again changes nothing.
accounts() {
    local name role grant
    for name in "${!roles_of[@]}"; do
        unless gcloud iam service-accounts describe "$(google_account "$name")" "${project[@]}" -- \
            gcloud iam service-accounts create "$name" "${project[@]}"
        for role in ${roles_of[$name]}; do
            run gcloud projects add-iam-policy-binding "$SEEN_PROJECT" \
                --member="serviceAccount:$(google_account "$name")" --role="roles/$role" \
                --condition=None --quiet --format=none
        done
    done
    for grant in seen-dataproc=objectAdmin seen-spark-connector=objectAdmin seen-loader=objectViewer; do
        run gcloud storage buckets add-iam-policy-binding "gs://$SEEN_BUCKET" \
            --member="serviceAccount:$(google_account "${grant%=*}")" --role="roles/storage.${grant#*=}" \
            --quiet --format=none
    done
    # To submit a job, an account must be allowed to act as the Dataproc cluster's account.
    run gcloud iam service-accounts add-iam-policy-binding "$(google_account seen-dataproc)" \
        --member="serviceAccount:$(google_account seen-spark-connector)" --role=roles/iam.serviceAccountUser \
        --condition=None --format=none "${project[@]}"
}

cluster() {
    # The control plane is only reachable by its DNS name, which uses IAM instead of lists of addresses.
    # Dataplane V2 enforces NetworkPolicies. Metrics go to our own Prometheus instead of the managed one.
    unless gcloud container clusters describe "$SEEN_CLUSTER" --location="$SEEN_REGION" "${project[@]}" -- \
        gcloud container clusters create "$SEEN_CLUSTER" --location="$SEEN_REGION" "${zones[@]}" \
        --release-channel=regular --workload-pool="$SEEN_PROJECT.svc.id.goog" \
        --network=seen --subnetwork=seen --enable-ip-alias \
        --cluster-secondary-range-name=pods --services-secondary-range-name=services \
        --enable-private-nodes --master-ipv4-cidr="$control_plane" --enable-dns-access --no-enable-ip-access \
        --enable-dataplane-v2 --enable-shielded-nodes --shielded-secure-boot \
        --machine-type="$machine" --disk-type=pd-balanced --disk-size=50 --num-nodes=1 \
        --enable-autoscaling --total-min-nodes="$nodes_min" --total-max-nodes="$nodes_max" \
        --location-policy=BALANCED --autoscaling-profile=optimize-utilization \
        --enable-autorepair --enable-autoupgrade --enable-image-streaming \
        --service-account="$(google_account seen-nodes)" --logging=SYSTEM,WORKLOAD --monitoring=SYSTEM \
        --no-enable-managed-prometheus "${project[@]}"
}

# Workload identity: lets Kubernetes service accounts act as Google accounts. The first cluster creates the identity
# pool.
identities() {
    local name
    for name in spark-connector loader; do
        run gcloud iam service-accounts add-iam-policy-binding "$(google_account "seen-$name")" \
            --member="serviceAccount:$SEEN_PROJECT.svc.id.goog[seen/$name]" --role=roles/iam.workloadIdentityUser \
            --condition=None --format=none "${project[@]}"
    done
}

control_plane=172.16.0.0/28
run gcloud services enable cloudresourcemanager.googleapis.com compute.googleapis.com container.googleapis.com \
    artifactregistry.googleapis.com storage.googleapis.com iam.googleapis.com dataproc.googleapis.com \
    cloudbuild.googleapis.com "${project[@]}"
network
stores
accounts
cluster
identities
[[ $dry_run ]] || echo "the cluster $SEEN_CLUSTER is ready; next: scripts/install_istio.sh"
