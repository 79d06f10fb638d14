#!/usr/bin/env bash
# Installs Prometheus and Grafana, with Seen's rules and dashboards, in the cluster. Can be repeated: it updates what
# exists. Run it after scripts/install_istio.sh, because Prometheus scrapes with a mesh certificate.
#
#   scripts/add_plugins.sh [--config FILE] [--dry-run]
#
# Needs kubectl. For GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER; for
# another cluster SEEN_CONTEXT, a context of kubectl.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

parse_options "" "$@"
need_cluster create/namespaces/default create/clusterroles.rbac.authorization.k8s.io/default \
    create/statefulsets.apps/monitoring

# Server-side, because the dashboards exceed the size limit of the annotation that a client-side apply writes.
run kubectl apply --server-side --force-conflicts --field-manager=seen --kustomize="$root/k8s/monitoring"
run kubectl --namespace=monitoring rollout status statefulset/prometheus --timeout=10m
run kubectl --namespace=monitoring rollout status deployment/grafana --timeout=10m
[[ $dry_run ]] || cat <<'TEXT'
Grafana is installed. It has no login, so it can only be reached through

  kubectl --namespace=monitoring port-forward service/grafana 3000

at http://localhost:3000; for Prometheus use service/prometheus 9090.
TEXT
