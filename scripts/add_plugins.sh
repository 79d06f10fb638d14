#!/usr/bin/env bash
# Puts Prometheus and Grafana, with Seen's rules and dashboards, into the cluster. Safe to repeat: it brings what is
# there up to date. Run it after scripts/install_istio.sh: Prometheus asks the services with a certificate of the mesh.
#
#   scripts/add_plugins.sh [--config FILE] [--dry-run]
#
#   --config FILE  takes the variables from a file of NAME=VALUE lines
#   --dry-run      shows the commands, and runs none
#
# Needs kubectl; for GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT, SEEN_REGION, SEEN_CLUSTER; for
# another cluster SEEN_CONTEXT, its name to kubectl.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

begin "$@"
no_more "${rest[@]}"
need_cluster create/namespaces/default create/clusterroles.rbac.authorization.k8s.io/default \
    create/statefulsets.apps/monitoring

# Server-side: the dashboards are too long for the annotation that the other way leaves.
run kubectl apply --server-side --force-conflicts --field-manager=seen --kustomize="$root/k8s/monitoring"
run kubectl --namespace=monitoring rollout status statefulset/prometheus --timeout=10m
run kubectl --namespace=monitoring rollout status deployment/grafana --timeout=10m
[[ $dry_run ]] || cat <<'TEXT'
Grafana is there. It is open to whoever reaches it, so it has no way in from outside but

  kubectl --namespace=monitoring port-forward service/grafana 3000

and then http://localhost:3000; Prometheus likewise with service/prometheus 9090.
TEXT
