#!/usr/bin/env bash
# Makes the Dataproc cluster that answers the two questions over all of IMDb. It stops by itself when it has had nothing
# to do for an hour, since new files come once a day at most. Safe to repeat: one that has stopped is started.
#
#   scripts/create_dataproc.sh [--size small|medium|large] [--config FILE] [--dry-run]
#
#   --size SIZE    one machine, or one and two or four workers; small unless said
#   --config FILE  takes the variables from a file of NAME=VALUE lines
#   --dry-run      shows the commands, and runs none
#
# Needs gcloud, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_BUCKET (its name, without gs://), SEEN_DATAPROC_CLUSTER. The
# network, the bucket and the service account are those of scripts/create_cluster.sh.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
set -- "${rest[@]}"
size=small
while (($#)); do
    case $1 in
    --size)
        size=$(value "$@")
        shift
        ;;
    *) unknown "$1" ;;
    esac
    shift
done
# All of IMDb took less than 4 GiB and 4 minutes on two processors (load/RESULTS.md).
case $size in
small) machines=(--single-node --master-machine-type=e2-standard-4) ;;
medium) machines=(--master-machine-type=e2-standard-2 --num-workers=2 --worker-machine-type=e2-standard-4) ;;
large) machines=(--master-machine-type=e2-standard-4 --num-workers=4 --worker-machine-type=e2-standard-8) ;;
*) fail "--size is small, medium or large, not $size" ;;
esac
[[ $size == small ]] || machines+=(--worker-boot-disk-size=100 --worker-boot-disk-type=pd-balanced)
need_variable SEEN_PROJECT SEEN_REGION SEEN_BUCKET SEEN_DATAPROC_CLUSTER
need_command gcloud curl
need_rights dataproc.clusters.create dataproc.clusters.start iam.serviceAccounts.actAs compute.networks.get

here=(--region="$SEEN_REGION" --project="$SEEN_PROJECT" --quiet)
# No addresses on the internet. Image 2.2 brings the Spark 3.5 that the jobs are tested with.
unless gcloud dataproc clusters describe "$SEEN_DATAPROC_CLUSTER" "${here[@]}" -- \
    gcloud dataproc clusters create "$SEEN_DATAPROC_CLUSTER" --image-version=2.2-debian12 "${machines[@]}" \
    --master-boot-disk-size=100 --master-boot-disk-type=pd-balanced --subnet=seen --no-address \
    --service-account="seen-dataproc@$SEEN_PROJECT.iam.gserviceaccount.com" --bucket="$SEEN_BUCKET" \
    --stop-max-idle=1h "${here[@]}"
if [[ ! $dry_run ]]; then
    state=$(gcloud dataproc clusters describe "$SEEN_DATAPROC_CLUSTER" --format='value(status.state)' "${here[@]}")
    [[ $state != STOPPED ]] || run gcloud dataproc clusters start "$SEEN_DATAPROC_CLUSTER" "${here[@]}"
    echo "the cluster $SEEN_DATAPROC_CLUSTER is there; IMDb's files belong in gs://$SEEN_BUCKET/imdb/"
fi
