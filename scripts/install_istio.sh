#!/usr/bin/env bash
# Puts Istio into the cluster, with Helm: the control plane, the plugin that spares pods a privileged container, and the
# ingress, which serves HTTPS with the operator's certificate. Safe to repeat: it brings what is there up to date.
#
#   scripts/install_istio.sh --cert FILE --key FILE [--platform NAME] [--config FILE] [--dry-run]
#
#   --cert FILE      the certificate of SEEN_DOMAIN with its chain, PEM; valid for three weeks at least
#   --key FILE       its private key, PEM, without a password
#   --platform NAME  what Istio calls the cluster's kind: gke unless said, k3s, minikube …, or none
#   --config FILE    takes the variables from a file of NAME=VALUE lines
#   --dry-run        shows the commands, and runs none
#
# Needs kubectl, helm and openssl, and SEEN_DOMAIN; for GKE also gcloud with gke-gcloud-auth-plugin, and SEEN_PROJECT,
# SEEN_REGION, SEEN_CLUSTER; for another cluster SEEN_CONTEXT, its name to kubectl.
set -euo pipefail
# shellcheck source=scripts/lib/cloud.sh
source "$(dirname "$0")/lib/cloud.sh"

istio_version=1.30.3 # of the objects in istio/ and of the schemas that the tests hold against them

begin "$@"
set -- "${rest[@]}"
cert="" key="" platform=gke
while (($#)); do
    case $1 in
    --cert)
        cert=$(value "$@")
        shift
        ;;
    --key)
        key=$(value "$@")
        shift
        ;;
    --platform)
        platform=$(value "$@")
        shift
        ;;
    *) unknown "$1" ;;
    esac
    shift
done
need_variable SEEN_DOMAIN
[[ $cert && $key ]] || fail "needs --cert and --key: the certificate of $SEEN_DOMAIN and its private key"
need_command helm openssl

# A wrong pair would leave the ingress without HTTPS, and nobody would be told but those who look at its log.
if [[ ! $dry_run ]]; then
    need_pair "$cert" "$key"
    openssl x509 -in "$cert" -noout -checkhost "$SEEN_DOMAIN" | grep -q 'does match' ||
        fail "$cert is not for $SEEN_DOMAIN"
fi

chart() { # RELEASE, CHART, NAMESPACE, then values
    local release=$1 chart=$2 namespace=$3
    shift 3
    run helm upgrade --install "$release" "$chart" --version="$istio_version" --namespace="$namespace" \
        --create-namespace --repo=https://istio-release.storage.googleapis.com/charts --wait --timeout=10m "$@"
}

need_cluster create/namespaces/default create/clusterroles.rbac.authorization.k8s.io/default \
    create/customresourcedefinitions.apiextensions.k8s.io/default create/secrets/istio-ingress

on_platform=()
[[ $platform == none ]] || on_platform=(--set="global.platform=$platform")
chart istio-base base istio-system --set=defaultRevision=default
# Without it each pod would need a container that may change the network, which Seen's namespace does not admit.
chart istio-cni cni istio-system "${on_platform[@]}"
chart istiod istiod istio-system "${on_platform[@]}" --set=pilot.cni.enabled=true

put namespace istio-ingress
put secret tls seen-tls --namespace=istio-ingress --cert="$cert" --key="$key"

# Local: the ingress sees the clients' addresses, which its rate limit counts by.
ingress=(--set=service.externalTrafficPolicy=Local --set=autoscaling.minReplicas=2)
# How long the certificate is still good, which Istio would leave out: k8s/monitoring has an alert on it.
counted='{"proxy.istio.io/config": "proxyStatsMatcher: {inclusionSuffixes: [expiration_unix_time_seconds]}"}'
ingress+=(--set-json="podAnnotations=$counted")
if [[ ! ${SEEN_CONTEXT:-} ]]; then
    address=$(run gcloud compute addresses describe seen-ingress --region="$SEEN_REGION" --project="$SEEN_PROJECT" \
        --format='value(address)')
    [[ ! $dry_run ]] || address=ADDRESS
    ingress+=(--set=service.loadBalancerIP="$address")
fi
chart istio-ingressgateway gateway istio-ingress "${ingress[@]}"
[[ $dry_run ]] || echo "Istio $istio_version is there; the name $SEEN_DOMAIN has to lead to ${address:-its ingress}"
