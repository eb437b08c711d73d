#!/usr/bin/env bash
# Builds one virtual environment a peer below $GENWRIGHT_PEERS (default ~/.cache/genwright/peers).
#
#     bash benchmarks/environments.sh            all peers
#     bash benchmarks/environments.sh argn smote only these
#
# An environment that is already complete (it has a `ready` file) is left alone. $PYTHON names the interpreter
# (default python3.11). Versions are pinned, so that a number can be measured again.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
place="${GENWRIGHT_PEERS:-$HOME/.cache/genwright/peers}"
python="${PYTHON:-python3.11}"

packages() {
    case "$1" in
        argn) echo "torch mostlyai-engine==2.7.3" ;;
        copula) echo "torch sdv==2.0.0" ;;    # SDV's licence is BUSL-1.1: compared with, never depended on
        ctgan) echo "torch ctgan==0.12.1" ;;  # the same licence
        smote) echo "imbalanced-learn==0.14.2 pandas" ;;
        pgmpy) echo "torch==2.13.0 pgmpy==1.1.2" ;;
        pythae) echo "torch==2.13.0 pythae==0.1.2" ;;
        *) echo "no peer $1; there are: argn copula ctgan pgmpy pythae smote" >&2; return 1 ;;
    esac
}

build() {
    local folder="$place/$1" wanted
    wanted="$(packages "$1")"
    if [ -e "$folder/ready" ]; then
        echo "$1: ready"
        return
    fi
    "$python" -m venv --clear "$folder"
    # torch first and alone: asked for by another package, pip would look for a build with CUDA
    case "$wanted" in
        torch*) "$folder/bin/pip" install --quiet -c "$here/constraints.txt" "${wanted%% *}"; wanted="${wanted#* }" ;;
    esac
    # shellcheck disable=SC2086
    "$folder/bin/pip" install --quiet -c "$here/constraints.txt" $wanted
    # mostlyai-engine pulls a torchvision that does not import beside this torch, and works without one
    if [ "$1" = argn ]; then "$folder/bin/pip" uninstall --quiet --yes torchvision; fi
    "$folder/bin/pip" freeze > "$folder/ready"
    echo "$1: built in $folder"
}

for peer in "${@:-all}"; do
    case "$peer" in
        all) for each in smote argn copula ctgan pgmpy pythae; do build "$each"; done ;;
        *) build "$peer" ;;
    esac
done
