#!/usr/bin/env bash
# Makes the trigger of Cloud Build that tests and deploys each commit on the branch `deploy`, as cloudbuild.yaml says.
# Safe to repeat: a trigger that is there gets the values as they are now.
#
#   scripts/create_trigger.sh [--config FILE] [--dry-run]
#
#   --config FILE  takes the variables from a file of NAME=VALUE lines
#   --dry-run      shows the commands, and runs none
#
# Needs gcloud, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER, SEEN_DOMAIN, SEEN_AUTH0_URL, SEEN_AUTH0_AUDIENCE,
# SEEN_AUTH0_CLIENT_ID, SEEN_BUCKET, SEEN_DATAPROC_CLUSTER, and SEEN_REPOSITORY: the repository as Cloud Build knows it,
# projects/PROJECT/locations/REGION/connections/NAME/repositories/NAME. Cloud Build > Repositories in the console
# connects one; gcloud builds repositories list names it.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
no_more "${rest[@]}"
# In cloudbuild.yaml each of them is called the same, with _ in the place of SEEN_.
substituted=(SEEN_REGION SEEN_CLUSTER SEEN_DOMAIN SEEN_AUTH0_URL SEEN_AUTH0_AUDIENCE SEEN_AUTH0_CLIENT_ID SEEN_BUCKET
    SEEN_DATAPROC_CLUSTER)
need_variable SEEN_PROJECT "${substituted[@]}" SEEN_REPOSITORY
need_command gcloud curl
need_rights cloudbuild.builds.create cloudbuild.builds.update iam.serviceAccounts.actAs

# Separated by |, which none of them holds.
substitutions='^|^'
for name in "${substituted[@]}"; do
    substitutions+="_${name#SEEN_}=${!name}|"
done

trigger=(--region="$SEEN_REGION" --project="$SEEN_PROJECT" --quiet)
settings=(
    --repository="$SEEN_REPOSITORY" --branch-pattern='^deploy$' --build-config=cloudbuild.yaml
    --service-account="projects/$SEEN_PROJECT/serviceAccounts/seen-build@$SEEN_PROJECT.iam.gserviceaccount.com"
    --include-logs-with-status
)
if [[ ! $dry_run ]] && gcloud builds triggers describe seen-deploy "${trigger[@]}" >/dev/null 2>&1; then
    run gcloud builds triggers update github seen-deploy "${settings[@]}" \
        --update-substitutions="${substitutions%|}" "${trigger[@]}"
else
    run gcloud builds triggers create github --name=seen-deploy "${settings[@]}" \
        --substitutions="${substitutions%|}" "${trigger[@]}"
fi
[[ $dry_run ]] || echo "a commit pushed to deploy is now tested and deployed: git push origin HEAD:deploy"
