#!/usr/bin/env bash
# Creates the Dataproc cluster that answers the two questions about all of IMDb and counts pairs of items for the
# suggestion model. It stops after an hour without a job, because new files come once a day at most. Can be repeated: a
# stopped cluster is started.
#
#   scripts/create_dataproc.sh [--size small|medium|large] [--config FILE] [--dry-run]
#
#   --size SIZE    small (default): a single machine; medium: two workers; large: four workers
#
# Needs gcloud, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_BUCKET (without gs://), SEEN_DATAPROC_CLUSTER. It uses the
# network, bucket and service account of scripts/create_cluster.sh.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

size=small
parse_options size "$@"
# All of IMDb took less than 4 GiB and 4 minutes on two processors (load/RESULTS.md).
case $size in
small) machines=(--single-node --master-machine-type=e2-standard-4) ;;
medium) machines=(--master-machine-type=e2-standard-2 --num-workers=2 --worker-machine-type=e2-standard-4) ;;
large) machines=(--master-machine-type=e2-standard-4 --num-workers=4 --worker-machine-type=e2-standard-8) ;;
*) fail "--size must be small, medium or large, not $size" ;;
esac
[[ $size == small ]] || machines+=(--worker-boot-disk-size=100 --worker-boot-disk-type=pd-balanced)
need_variable SEEN_PROJECT SEEN_REGION SEEN_BUCKET SEEN_DATAPROC_CLUSTER
need_command gcloud curl
need_permissions dataproc.clusters.create dataproc.clusters.start iam.serviceAccounts.actAs compute.networks.get

common=(--region="$SEEN_REGION" --project="$SEEN_PROJECT" --quiet)
# --no-address: no public IP addresses. Image 2.2 contains Spark 3.5, with which the jobs are tested.
unless gcloud dataproc clusters describe "$SEEN_DATAPROC_CLUSTER" "${common[@]}" -- \
    gcloud dataproc clusters create "$SEEN_DATAPROC_CLUSTER" --image-version=2.2-debian12 "${machines[@]}" \
    --master-boot-disk-size=100 --master-boot-disk-type=pd-balanced --subnet=seen --no-address \
    --service-account="$(google_account seen-dataproc)" --bucket="$SEEN_BUCKET" \
    --stop-max-idle=1h "${common[@]}"
if [[ ! $dry_run ]]; then
    state=$(gcloud dataproc clusters describe "$SEEN_DATAPROC_CLUSTER" --format='value(status.state)' "${common[@]}")
    [[ $state != STOPPED ]] || run gcloud dataproc clusters start "$SEEN_DATAPROC_CLUSTER" "${common[@]}"
    echo "the cluster $SEEN_DATAPROC_CLUSTER is ready; upload IMDb's files to gs://$SEEN_BUCKET/imdb/"
fi
