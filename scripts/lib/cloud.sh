# shellcheck shell=bash
# Sourced by the scripts that work in the cloud: their options, what they need, and running commands or only showing
# them. Needs bash 4.4.

# shellcheck disable=SC2034 # for the scripts
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Who acts in Google Cloud, and in which roles on the project. Roles on one thing alone are in create_cluster.sh.
declare -A roles_of=(
    [seen-nodes]="container.defaultNodeServiceAccount artifactregistry.reader"
    [seen-dataproc]="dataproc.worker"
    [seen-spark-connector]="dataproc.editor"
    [seen-loader]=""
    [seen-build]="logging.logWriter artifactregistry.writer container.developer"
)

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# begin "$@": takes the options that every script here has, and leaves the others in `rest`.
begin() {
    local file
    rest=() dry_run="" yes=""
    exec 3>&1
    while (($#)); do
        case $1 in
        -h | --help)
            sed -n '2,/^[^#]/s/^#\( \|$\)//p' "$0"
            exit
            ;;
        --dry-run) dry_run=1 ;;
        --yes) yes=1 ;;
        --config)
            file=$(value "$@") || exit
            read_config "$file"
            shift
            ;;
        *) rest+=("$1") ;;
        esac
        shift
    done
}

# value OPTION VALUE …: the value, or the end where there is none.
value() {
    [[ ${2:-} && ${2:-} != --* ]] || fail "$1 needs a value"
    printf '%s\n' "$2"
}

unknown() {
    fail "does not know $1; --help says what it does"
}

# no_more "${rest[@]}": for a script that takes no other options.
no_more() {
    (($# == 0)) || unknown "$1"
}

# read_config FILE: sets the SEEN_… variables that it gives, NAME=VALUE a line; one in the environment counts more.
# The file is read and not run. It is of the form of k8s/overlays/*/operator.env.
read_config() {
    local line name
    [[ -r $1 ]] || fail "cannot read $1"
    while IFS= read -r line || [[ $line ]]; do
        [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
        name=${line%%=*}
        # Not the line itself: it may hold a password.
        [[ $line == *=* && $name =~ ^SEEN_[A-Z0-9_]+$ ]] || fail "$1 has a line that does not read SEEN_NAME=VALUE"
        # Not exported: no program needs to have them in its environment.
        [[ -v $name ]] || printf -v "$name" %s "${line#*=}"
    done <"$1"
}

# need_variable NAME…
need_variable() {
    local name missing=()
    for name; do
        [[ ${!name:-} ]] || missing+=("$name")
    done
    ((${#missing[@]} == 0)) || fail "not set: ${missing[*]} (in the environment, or in the file of --config)"
}

# need_command NAME…; a dry run needs none.
need_command() {
    local name missing=()
    [[ $dry_run ]] && return
    for name; do
        command -v "$name" >/dev/null || missing+=("$name")
    done
    ((${#missing[@]} == 0)) || fail "not on the PATH: ${missing[*]}"
}

# need_rights PERMISSION…: those of Google Cloud, on the project.
need_rights() {
    local token asked granted permission missing=()
    [[ $dry_run ]] && return
    printf -v asked '"%s",' "$@"
    asked=${asked%,}
    token=$(gcloud auth print-access-token --quiet 2>/dev/null) || fail "gcloud is not signed in: run gcloud auth login"
    # The token goes in by a pipe: what is on a command line, everybody on the machine can read.
    granted=$(
        curl --silent --show-error --fail-with-body \
            --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
            --header 'Content-Type: application/json' --data "{\"permissions\": [$asked]}" \
            "https://cloudresourcemanager.googleapis.com/v1/projects/$SEEN_PROJECT:testIamPermissions"
    ) || fail "cannot ask for your rights on the project $SEEN_PROJECT: $granted"
    for permission; do
        [[ $granted == *"\"$permission\""* ]] || missing+=("$permission")
    done
    ((${#missing[@]} == 0)) || fail "you lack these rights on the project $SEEN_PROJECT: ${missing[*]}"
}

# need_cluster VERB/RESOURCE/NAMESPACE…: points kubectl, helm and their like at the cluster, and only for this run, so
# that nothing lands in another one that happens to be the current. Then those rights must be there.
need_cluster() {
    local caller=${KUBECONFIG:-} right verb resource namespace missing=()
    if [[ ${SEEN_CONTEXT:-} ]]; then
        need_command kubectl
    else
        need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER
        need_command gcloud kubectl gke-gcloud-auth-plugin
    fi
    private_folder
    if [[ ${SEEN_CONTEXT:-} ]]; then
        write "$private/kubeconfig" env KUBECONFIG="$caller" \
            kubectl config view --raw --minify --flatten --context "$SEEN_CONTEXT" ||
            fail "kubectl has no context $SEEN_CONTEXT"
    fi
    export KUBECONFIG=$private/kubeconfig
    if [[ ! ${SEEN_CONTEXT:-} ]]; then
        run gcloud container clusters get-credentials "$SEEN_CLUSTER" --project="$SEEN_PROJECT" \
            --location="$SEEN_REGION" --dns-endpoint --quiet || fail "cannot reach the cluster $SEEN_CLUSTER"
    fi
    [[ $dry_run ]] && return
    kubectl version --request-timeout=20s >/dev/null || fail "the cluster does not answer"
    for right; do
        IFS=/ read -r verb resource namespace <<<"$right"
        kubectl auth can-i "$verb" "$resource" --namespace "$namespace" --quiet ||
            missing+=("$verb $resource in $namespace")
    done
    ((${#missing[@]} == 0)) || fail "you lack these rights in the cluster: $(IFS=,; echo "${missing[*]}")"
}

# need_pair CERTIFICATE KEY: files that belong together, of a certificate that is valid for three weeks more.
need_pair() {
    local file of_certificate of_key days=21
    for file; do
        [[ -r $file ]] || fail "cannot read $file"
    done
    of_certificate=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) || fail "$1 holds no certificate"
    of_key=$(openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null) ||
        fail "$2 holds no private key, or one with a password"
    [[ $of_certificate == "$of_key" ]] || fail "$2 is not the key of the certificate in $1"
    openssl x509 -in "$1" -noout -checkend $((days * 86400)) >/dev/null ||
        fail "$1 is valid for less than $days days: $(openssl x509 -in "$1" -noout -enddate)"
}

# private_folder: makes `private`, a folder that nobody else can read and that is gone when the script ends.
private_folder() {
    [[ ${private:-} ]] && return
    umask 077
    private=$(mktemp -d)
    trap 'rm -rf "$private"' EXIT
}

# run COMMAND…: shows the command, and runs it unless this is a dry run. Commands carry no secrets.
run() {
    show "$@"
    [[ $dry_run ]] || "$@"
}

# write FILE COMMAND…: the same with the command's output in the file.
write() {
    local file=$1
    shift
    show "$@"
    [[ $dry_run ]] || "$@" >"$file"
}

# show COMMAND…: as one could type it. A dry run's plan is its output, wherever that of the command itself would go.
show() {
    local word line=""
    for word; do
        [[ $word =~ ^[A-Za-z0-9_./:=@,%+*-]+$ ]] || word=${word@Q}
        line+="$word "
    done
    if [[ $dry_run ]]; then
        printf '%s\n' "${line% }" >&3
    else
        printf '+ %s\n' "${line% }" >&2
    fi
}

# unless QUESTION… -- COMMAND…: runs the command where the question fails. A dry run asks nothing and shows the command.
unless() {
    local question=()
    while [[ $1 != -- ]]; do
        question+=("$1")
        shift
    done
    shift
    if [[ ! $dry_run ]] && "${question[@]}" >/dev/null 2>&1; then
        echo "there already: ${*:1:6}" >&2
        return
    fi
    run "$@"
}

# put ARGUMENTS…: makes what `kubectl create ARGUMENTS…` would, or brings it up to date, where create alone would fail.
# Server-side, since the other way leaves a copy of the values, secret or not, in an annotation.
put() {
    private_folder
    write "$private/object.yaml" kubectl create "$@" --dry-run=client --output=yaml
    run kubectl apply --server-side --force-conflicts --field-manager=seen --filename="$private/object.yaml"
}

# confirm WORD QUESTION: goes on only when the word is typed, or with --yes.
confirm() {
    local typed
    [[ $dry_run || $yes ]] && return
    read -r -p "$2 Type $1 to go on: " typed || true
    [[ $typed == "$1" ]] || fail "not confirmed; nothing was changed"
}
