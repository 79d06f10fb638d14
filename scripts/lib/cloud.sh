# shellcheck shell=bash
# Sourced by the cloud scripts: options, checks of prerequisites, running or only printing commands. Needs bash 4.4.

# shellcheck disable=SC2034 # used by the scripts
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Google service accounts and their roles on the project. Roles on single resources are in create_cluster.sh.
declare -A roles_of=(
    [seen-nodes]="container.defaultNodeServiceAccount artifactregistry.reader"
    [seen-dataproc]="dataproc.worker"
    [seen-spark-connector]="dataproc.editor"
    [seen-loader]=""
    [seen-build]="logging.logWriter artifactregistry.writer container.developer"
)

# google_account NAME: the address of a Google service account of the project.
google_account() {
    printf '%s@%s.iam.gserviceaccount.com' "$1" "$SEEN_PROJECT"
}

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# parse_options "NAME…" "$@": sets the script's variables from the command line. NAME declares a variable and its option:
# `size` is --size VALUE, `yes!` is the flag --yes, `overlay:` is a positional argument. All scripts have --config,
# --dry-run and --help.
parse_options() {
    local declared=" $1 " name
    for name in $1; do
        # A flag must not come from the environment.
        [[ $name != *! ]] || printf -v "${name%!}" ""
    done
    shift
    dry_run=""
    exec 3>&1
    while (($#)); do
        name=${1#--}
        name=${name//-/_}
        case $1 in
        -h | --help)
            sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
            printf '\n%s\n%s\n' \
                "  --config FILE  reads variables from a file of SEEN_NAME=VALUE lines; can be repeated" \
                "  --dry-run      prints the commands without running them"
            exit
            ;;
        --dry-run) dry_run=1 ;;
        --*)
            if [[ $declared == *" $name! "* ]]; then
                printf -v "$name" 1
            elif [[ $declared == *" $name "* || $name == config ]]; then
                [[ ${2:-} && ${2:-} != --* ]] || fail "$1 needs a value"
                [[ $name != config ]] || read_config "$2"
                printf -v "$name" %s "$2"
                shift
            else
                fail "unknown option $1; see --help"
            fi
            ;;
        *)
            # The next positional argument that has no value yet.
            [[ $declared =~ \ ([a-z_]+):\  ]] || fail "unknown argument $1; see --help"
            printf -v "${BASH_REMATCH[1]}" %s "$1"
            declared=${declared/" ${BASH_REMATCH[1]}: "/ }
            ;;
        esac
        shift
    done
}

# read_config FILE: sets the SEEN_… variables of the file unless the environment sets them. The file is parsed, not
# executed. Its format is that of k8s/overlays/*/operator.env.
read_config() {
    local line name
    [[ -r $1 ]] || fail "cannot read $1"
    while IFS= read -r line || [[ $line ]]; do
        [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
        name=${line%%=*}
        # Do not print the line, which may contain a password.
        [[ $line == *=* && $name =~ ^SEEN_[A-Z0-9_]+$ ]] || fail "$1: every line must be SEEN_NAME=VALUE"
        # Not exported, so that child processes do not see the values.
        [[ -v $name ]] || printf -v "$name" %s "${line#*=}"
    done <"$1"
}

# need_variable NAME…
need_variable() {
    local name missing=()
    for name; do
        [[ ${!name:-} ]] || missing+=("$name")
    done
    ((${#missing[@]} == 0)) || fail "not set: ${missing[*]} (set them in the environment or in the file of --config)"
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

# need_permissions PERMISSION…: the caller's permissions on the Google Cloud project.
need_permissions() {
    local token requested granted permission missing=()
    [[ $dry_run ]] && return
    printf -v requested '"%s",' "$@"
    requested=${requested%,}
    token=$(gcloud auth print-access-token --quiet 2>/dev/null) || fail "gcloud is not signed in: run gcloud auth login"
    # Pass the token through a pipe, because every user can read command lines.
    granted=$(
        curl --silent --show-error --fail-with-body \
            --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
            --header 'Content-Type: application/json' --data "{\"permissions\": [$requested]}" \
            "https://cloudresourcemanager.googleapis.com/v1/projects/$SEEN_PROJECT:testIamPermissions"
    ) || fail "cannot read your permissions on the project $SEEN_PROJECT: $granted"
    for permission; do
        [[ $granted == *"\"$permission\""* ]] || missing+=("$permission")
    done
    ((${#missing[@]} == 0)) || fail "you lack these permissions on the project $SEEN_PROJECT: ${missing[*]}"
}

# need_cluster VERB/RESOURCE/NAMESPACE…: points kubectl and helm at the cluster, through a KUBECONFIG of this run, so
# that the current context does not matter. Then checks the caller's permissions in the cluster.
need_cluster() {
    local caller=${KUBECONFIG:-} permission verb resource namespace missing=()
    make_private_folder
    export KUBECONFIG=$private/kubeconfig
    if [[ ${SEEN_CONTEXT:-} ]]; then
        need_command kubectl
        run env KUBECONFIG="$caller" kubectl config view --raw --minify --flatten --context "$SEEN_CONTEXT" \
            >"$KUBECONFIG" || fail "kubectl has no context $SEEN_CONTEXT"
    else
        need_variable SEEN_PROJECT SEEN_REGION SEEN_CLUSTER
        need_command gcloud kubectl gke-gcloud-auth-plugin
        run gcloud container clusters get-credentials "$SEEN_CLUSTER" --project="$SEEN_PROJECT" \
            --location="$SEEN_REGION" --dns-endpoint --quiet || fail "cannot reach the cluster $SEEN_CLUSTER"
    fi
    [[ $dry_run ]] && return
    kubectl version --request-timeout=20s >/dev/null || fail "the cluster does not answer"
    for permission; do
        IFS=/ read -r verb resource namespace <<<"$permission"
        kubectl auth can-i "$verb" "$resource" --namespace "$namespace" --quiet ||
            missing+=("$verb $resource in $namespace")
    done
    ((${#missing[@]} == 0)) || fail "you lack these permissions in the cluster: $(IFS=,; echo "${missing[*]}")"
}

# need_certificate CERTIFICATE KEY: the files must match, and the certificate must be valid for three more weeks.
need_certificate() {
    local file certificate_key key days=21
    for file; do
        [[ -r $file ]] || fail "cannot read $file"
    done
    certificate_key=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) || fail "$1 contains no certificate"
    key=$(openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null) ||
        fail "$2 contains no private key, or a key with a password"
    [[ $certificate_key == "$key" ]] || fail "$2 is not the key of the certificate in $1"
    openssl x509 -in "$1" -noout -checkend $((days * 86400)) >/dev/null ||
        fail "$1 is valid for less than $days days: $(openssl x509 -in "$1" -noout -enddate)"
}

# make_private_folder: creates `private`, a folder that only the caller can read; it is deleted when the script ends.
make_private_folder() {
    [[ ${private:-} ]] && return
    umask 077
    private=$(mktemp -d)
    trap 'rm -rf "$private"' EXIT
}

# run COMMAND…: prints the command, quoted for a shell, and runs it; a dry run only prints it. The command is printed to
# stderr, or in a dry run to the script's own stdout, so its output can be redirected. It must not contain secrets.
run() {
    local word line=""
    for word; do
        [[ $word =~ ^[A-Za-z0-9_./:=@,%+*-]+$ ]] || word=${word@Q}
        line+="$word "
    done
    if [[ $dry_run ]]; then
        printf '%s\n' "${line% }" >&3
    else
        printf '+ %s\n' "${line% }" >&2
        "$@"
    fi
}

# unless CHECK… -- COMMAND…: runs the command if the check fails. A dry run skips the check and prints the command.
unless() {
    local check=()
    while [[ $1 != -- ]]; do
        check+=("$1")
        shift
    done
    shift
    if [[ ! $dry_run ]] && "${check[@]}" >/dev/null 2>&1; then
        echo "exists already: ${*:1:6}" >&2
        return
    fi
    run "$@"
}

# create_or_update ARGUMENTS…: the object that `kubectl create ARGUMENTS…` creates. Server-side, because a client-side
# apply would store a copy of the values, including secrets, in an annotation.
create_or_update() {
    make_private_folder
    run kubectl create "$@" --dry-run=client --output=yaml >"$private/object.yaml"
    run kubectl apply --server-side --force-conflicts --field-manager=seen --filename="$private/object.yaml"
}

# confirm WORD QUESTION: continues only if the user types the word, or with --yes.
confirm() {
    local typed
    [[ $dry_run || $yes ]] && return
    read -r -p "$2 Type $1 to continue: " typed || true
    [[ $typed == "$1" ]] || fail "not confirmed; nothing was changed"
}
