#!/usr/bin/env bash
# Deletes everything that the other scripts created in the project, including data, so that nothing costs money any
# more. Lists it and asks for confirmation first. Can be repeated: missing resources are skipped. External databases are
# kept.
#
#   scripts/delete_all.sh [--keep-bucket] [--yes] [--config FILE] [--dry-run]
#
#   --keep-bucket  keeps the bucket with the datasets and the answers
#   --yes          does not ask for confirmation
#
# Needs gcloud, curl, kubectl, gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER, SEEN_BUCKET,
# SEEN_DATAPROC_CLUSTER.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

keep_bucket="" yes=""
parse_options "keep_bucket! yes!" "$@"
need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER SEEN_BUCKET SEEN_DATAPROC_CLUSTER
need_command gcloud curl kubectl gke-gcloud-auth-plugin
need_permissions container.clusters.delete dataproc.clusters.delete artifactregistry.repositories.delete \
    storage.buckets.delete compute.networks.delete iam.serviceAccounts.delete resourcemanager.projects.setIamPolicy \
    cloudbuild.builds.update

project=(--project="$SEEN_PROJECT" --quiet)
region=(--region="$SEEN_REGION" "${project[@]}")
location=(--location="$SEEN_REGION" "${project[@]}")

# list_or_delete DESCRIPTION COMMAND…: lists or deletes a resource, depending on `mode`, if it exists: if the command
# succeeds with `describe` instead of `delete`.
list_or_delete() {
    local description=$1
    shift
    if [[ $dry_run ]] || "${@/#delete/describe}" >/dev/null 2>&1; then
        existing+=("$description")
        [[ $mode == list ]] || run "$@"
    fi
}

# Dependent resources come before what they depend on.
list_or_delete_all() {
    list_or_delete "the trigger seen-deploy" gcloud builds triggers delete seen-deploy "${region[@]}"
    list_or_delete "the cluster $SEEN_CLUSTER-locust" \
        gcloud container clusters delete "$SEEN_CLUSTER-locust" "${location[@]}"
    list_or_delete "the Dataproc cluster $SEEN_DATAPROC_CLUSTER" \
        gcloud dataproc clusters delete "$SEEN_DATAPROC_CLUSTER" "${region[@]}"
    [[ $mode == list ]] || empty_cluster
    list_or_delete "the cluster $SEEN_CLUSTER, with the databases of the overlay small if it runs that" \
        gcloud container clusters delete "$SEEN_CLUSTER" "${location[@]}"
    list_or_delete "the images" gcloud artifacts repositories delete seen "${location[@]}"
    [[ $keep_bucket ]] || list_or_delete_bucket
    list_or_delete "the router with Cloud NAT" gcloud compute routers delete seen "${region[@]}"
    local name
    for name in seen-egress seen-ingress; do
        list_or_delete "the address $name" gcloud compute addresses delete "$name" "${region[@]}"
    done
    for name in seen-inside seen-webhooks; do
        list_or_delete "the firewall rule $name" gcloud compute firewall-rules delete "$name" "${project[@]}"
    done
    list_or_delete "the subnet seen" gcloud compute networks subnets delete seen "${region[@]}"
    list_or_delete "the network seen" gcloud compute networks delete seen "${project[@]}"
    for name in "${!roles_of[@]}"; do
        [[ $mode == list ]] || revoke "$name"
        list_or_delete "the service account $name" \
            gcloud iam service-accounts delete "$(google_account "$name")" "${project[@]}"
    done
}

list_or_delete_bucket() {
    if [[ $dry_run ]] || gcloud storage buckets describe "gs://$SEEN_BUCKET" "${project[@]}" >/dev/null 2>&1; then
        existing+=("the bucket gs://$SEEN_BUCKET with its contents")
        [[ $mode == list ]] || run gcloud storage rm --recursive "gs://$SEEN_BUCKET" "${project[@]}"
    fi
}

# The load balancer and the disks belong to objects in the cluster. They would outlive the cluster and cost money.
empty_cluster() {
    [[ $dry_run ]] || gcloud container clusters describe "$SEEN_CLUSTER" "${location[@]}" >/dev/null 2>&1 || return 0
    if ! (
        SEEN_CONTEXT=""
        need_cluster delete/namespaces/default &&
            run kubectl delete namespace istio-ingress seen monitoring --ignore-not-found --timeout=10m
    ); then
        echo "could not delete the objects in the cluster; afterwards look for leftovers with" \
            "gcloud compute disks list and gcloud compute forwarding-rules list" >&2
    fi
}

# Otherwise the project's policy would keep role bindings of a deleted account.
revoke() { # ACCOUNT
    local role
    for role in ${roles_of[$1]}; do
        run gcloud projects remove-iam-policy-binding "$SEEN_PROJECT" --role="roles/$role" --condition=None \
            --member="serviceAccount:$(google_account "$1")" --format=none --quiet 2>/dev/null || true
    done
}

existing=() mode=list
if [[ ! $dry_run ]]; then
    list_or_delete_all
    ((${#existing[@]})) || { echo "nothing to delete in the project $SEEN_PROJECT" && exit; }
    echo "These resources of the project $SEEN_PROJECT will be deleted permanently:"
    printf '  %s\n' "${existing[@]}"
fi
confirm "$SEEN_PROJECT" "Delete all of them?"
mode=delete
list_or_delete_all
