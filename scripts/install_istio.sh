#!/usr/bin/env bash
# Installs Istio with Helm: the control plane, the CNI plugin, and the ingress, which serves HTTPS with the operator's
# certificate. Can be repeated: it updates what exists.
#
#   scripts/install_istio.sh --cert FILE --key FILE [--platform NAME] [--config FILE] [--dry-run]
#
#   --cert FILE      the certificate of SEEN_DOMAIN with its chain, PEM; valid for at least three weeks
#   --key FILE       its private key, PEM, without a password
#   --platform NAME  Istio's name for the platform: gke (default), k3s, minikube …, or none
#
# Needs kubectl, helm, openssl, and SEEN_DOMAIN. For GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT,
# SEEN_REGION, SEEN_CLUSTER; for another cluster SEEN_CONTEXT, a context of kubectl.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

istio_version=1.30.3 # the version of the CRD schemas that tests/deploy checks istio/ against

cert="" key="" platform=gke
parse_options "cert key platform" "$@"
need_variable SEEN_DOMAIN
[[ $cert && $key ]] || fail "--cert and --key are required: the certificate of $SEEN_DOMAIN and its private key"
need_command helm openssl

# With a wrong pair the ingress would serve no HTTPS, and only its log would tell.
if [[ ! $dry_run ]]; then
    need_certificate "$cert" "$key"
    openssl x509 -in "$cert" -noout -checkhost "$SEEN_DOMAIN" | grep -q 'does match' ||
        fail "$cert is not a certificate for $SEEN_DOMAIN"
fi

chart() { # RELEASE, CHART, NAMESPACE, then values
    local release=$1 chart=$2 namespace=$3
    shift 3
    run helm upgrade --install "$release" "$chart" --version="$istio_version" --namespace="$namespace" \
        --create-namespace --repo=https://istio-release.storage.googleapis.com/charts --wait --timeout=10m "$@"
}

need_cluster create/namespaces/default create/clusterroles.rbac.authorization.k8s.io/default \
    create/customresourcedefinitions.apiextensions.k8s.io/default create/secrets/istio-ingress

platform_values=()
[[ $platform == none ]] || platform_values=(--set="global.platform=$platform")
chart istio-base base istio-system --set=defaultRevision=default
# Without the CNI plugin each pod would need a privileged init container, which Seen's namespace does not admit.
chart istio-cni cni istio-system "${platform_values[@]}"
chart istiod istiod istio-system "${platform_values[@]}" --set=pilot.cni.enabled=true

create_or_update namespace istio-ingress
create_or_update secret tls seen-tls --namespace=istio-ingress --cert="$cert" --key="$key"

# Local: preserves the clients' addresses, which the rate limit uses.
ingress=(--set=service.externalTrafficPolicy=Local --set=autoscaling.minReplicas=2)
# Export the certificate's expiry, which Istio omits by default; k8s/monitoring has an alert on it.
expiry='{"proxy.istio.io/config": "proxyStatsMatcher: {inclusionSuffixes: [expiration_unix_time_seconds]}"}'
ingress+=(--set-json="podAnnotations=$expiry")
if [[ ! ${SEEN_CONTEXT:-} ]]; then
    address=$(run gcloud compute addresses describe seen-ingress --region="$SEEN_REGION" --project="$SEEN_PROJECT" \
        --format='value(address)')
    [[ ! $dry_run ]] || address=ADDRESS
    ingress+=(--set=service.loadBalancerIP="$address")
fi
chart istio-ingressgateway gateway istio-ingress "${ingress[@]}"
[[ $dry_run ]] || echo "Istio $istio_version is installed; point DNS of $SEEN_DOMAIN at ${address:-its ingress}"
