#!/usr/bin/env bash
# Deletes everything that the other scripts made in the project, data included, so that nothing of it costs money any
# more. Says what there is and asks first. Safe to repeat: what is gone is left out. Databases of your own stay.
#
#   scripts/delete_all.sh [--keep-bucket] [--yes] [--config FILE] [--dry-run]
#
#   --keep-bucket  leaves the bucket, with the datasets and the answers in it
#   --yes          does not ask
#   --config FILE  takes the variables from a file of NAME=VALUE lines
#   --dry-run      shows the commands, and runs none
#
# Needs gcloud and curl, kubectl and gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER, SEEN_BUCKET,
# SEEN_DATAPROC_CLUSTER.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
set -- "${rest[@]}"
keep_bucket=""
if [[ ${1:-} == --keep-bucket ]]; then
    keep_bucket=1
    shift
fi
no_more "$@"
need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER SEEN_BUCKET SEEN_DATAPROC_CLUSTER
need_command gcloud curl kubectl gke-gcloud-auth-plugin
need_rights container.clusters.delete dataproc.clusters.delete artifactregistry.repositories.delete \
    storage.buckets.delete compute.networks.delete iam.serviceAccounts.delete resourcemanager.projects.setIamPolicy \
    cloudbuild.builds.update

project=(--project="$SEEN_PROJECT" --quiet)
region=(--region="$SEEN_REGION" "${project[@]}")
location=(--location="$SEEN_REGION" "${project[@]}")

# thing WORDS COMMAND…: where the command with `describe` in the place of `delete` finds it, shows the words, or deletes
# it, as `pass` says.
thing() {
    local words=$1
    shift
    if [[ $dry_run ]] || "${@/#delete/describe}" >/dev/null 2>&1; then
        found+=("$words")
        [[ $pass == list ]] || run "$@"
    fi
}

# What stands on something goes before it.
everything() {
    thing "the trigger seen-deploy" gcloud builds triggers delete seen-deploy "${region[@]}"
    thing "the cluster $SEEN_CLUSTER-locust" gcloud container clusters delete "$SEEN_CLUSTER-locust" "${location[@]}"
    thing "the Dataproc cluster $SEEN_DATAPROC_CLUSTER" \
        gcloud dataproc clusters delete "$SEEN_DATAPROC_CLUSTER" "${region[@]}"
    [[ $pass == list ]] || empty_cluster
    thing "the cluster $SEEN_CLUSTER, with the databases of the overlay small where it runs that" \
        gcloud container clusters delete "$SEEN_CLUSTER" "${location[@]}"
    thing "the images" gcloud artifacts repositories delete seen "${location[@]}"
    [[ $keep_bucket ]] || bucket
    thing "the network's way out" gcloud compute routers delete seen "${region[@]}"
    local name
    for name in seen-egress seen-ingress; do
        thing "the address $name" gcloud compute addresses delete "$name" "${region[@]}"
    done
    for name in seen-inside seen-webhooks; do
        thing "the firewall rule $name" gcloud compute firewall-rules delete "$name" "${project[@]}"
    done
    thing "the subnet seen" gcloud compute networks subnets delete seen "${region[@]}"
    thing "the network seen" gcloud compute networks delete seen "${project[@]}"
    for name in "${!roles_of[@]}"; do
        [[ $pass == list ]] || revoke "$name"
        thing "the service account $name" \
            gcloud iam service-accounts delete "$name@$SEEN_PROJECT.iam.gserviceaccount.com" "${project[@]}"
    done
}

bucket() {
    if [[ $dry_run ]] || gcloud storage buckets describe "gs://$SEEN_BUCKET" "${project[@]}" >/dev/null 2>&1; then
        found+=("the bucket gs://$SEEN_BUCKET with all that is in it")
        [[ $pass == list ]] || run gcloud storage rm --recursive "gs://$SEEN_BUCKET" "${project[@]}"
    fi
}

# The load balancer and the disks belong to objects in the cluster; they would outlive it, and cost.
empty_cluster() {
    [[ $dry_run ]] || gcloud container clusters describe "$SEEN_CLUSTER" "${location[@]}" >/dev/null 2>&1 || return 0
    if ! (
        SEEN_CONTEXT=""
        need_cluster delete/namespaces/default &&
            run kubectl delete namespace istio-ingress seen monitoring --ignore-not-found --timeout=10m
    ); then
        echo "the cluster could not be emptied; look afterwards for what is left of it:" \
            "gcloud compute disks list, gcloud compute forwarding-rules list" >&2
    fi
}

# A role would stay in the project's policy under the name of nobody.
revoke() { # ACCOUNT
    local role
    for role in ${roles_of[$1]}; do
        run gcloud projects remove-iam-policy-binding "$SEEN_PROJECT" --role="roles/$role" --condition=None \
            --member="serviceAccount:$1@$SEEN_PROJECT.iam.gserviceaccount.com" --format=none --quiet 2>/dev/null || true
    done
}

found=() pass=list
if [[ ! $dry_run ]]; then
    everything
    ((${#found[@]})) || { echo "there is nothing of Seen in the project $SEEN_PROJECT" && exit; }
    echo "In the project $SEEN_PROJECT these go, and do not come back:"
    printf '  %s\n' "${found[@]}"
fi
confirm "$SEEN_PROJECT" "All of it goes."
pass=delete
everything
