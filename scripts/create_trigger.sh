#!/usr/bin/env bash
# Creates the Cloud Build trigger that tests and deploys each commit on the branch `deploy`, according to
# cloudbuild.yaml. Can be repeated: an existing trigger gets the current values.
#
#   scripts/create_trigger.sh [--config FILE] [--dry-run]
#
# Needs gcloud, curl, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER, SEEN_DOMAIN, SEEN_AUTH0_URL, SEEN_AUTH0_AUDIENCE,
# SEEN_AUTH0_CLIENT_ID, SEEN_AUTH0_WEBSITE_CLIENT_ID, SEEN_BUCKET, SEEN_DATAPROC_CLUSTER, and SEEN_REPOSITORY: the
# repository in Cloud Build, projects/PROJECT/locations/REGION/connections/NAME/repositories/NAME. Connect it in the
# console under Cloud Build > Repositories; gcloud builds repositories list prints its name.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

parse_options "" "$@"
# The substitutions in cloudbuild.yaml have the same names, with _ instead of SEEN_.
substituted=(SEEN_REGION SEEN_CLUSTER SEEN_DOMAIN SEEN_AUTH0_URL SEEN_AUTH0_AUDIENCE SEEN_AUTH0_CLIENT_ID
    SEEN_AUTH0_WEBSITE_CLIENT_ID SEEN_BUCKET SEEN_DATAPROC_CLUSTER)
need_variable SEEN_PROJECT "${substituted[@]}" SEEN_REPOSITORY
need_command gcloud curl
need_permissions cloudbuild.builds.create cloudbuild.builds.update iam.serviceAccounts.actAs

# ^|^ makes | the separator; no value contains it.
substitutions='^|^'
for name in "${substituted[@]}"; do
    substitutions+="_${name#SEEN_}=${!name}|"
done

trigger=(--region="$SEEN_REGION" --project="$SEEN_PROJECT" --quiet)
settings=(
    --repository="$SEEN_REPOSITORY" --branch-pattern='^deploy$' --build-config=cloudbuild.yaml
    --service-account="projects/$SEEN_PROJECT/serviceAccounts/$(google_account seen-build)"
    --include-logs-with-status
)
if [[ ! $dry_run ]] && gcloud builds triggers describe seen-deploy "${trigger[@]}" >/dev/null 2>&1; then
    run gcloud builds triggers update github seen-deploy "${settings[@]}" \
        --update-substitutions="${substitutions%|}" "${trigger[@]}"
else
    run gcloud builds triggers create github --name=seen-deploy "${settings[@]}" \
        --substitutions="${substitutions%|}" "${trigger[@]}"
fi
[[ $dry_run ]] || echo "commits on the branch deploy are now tested and deployed: git push origin HEAD:deploy"
