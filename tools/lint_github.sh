#!/bin/sh
# Checks the workflows, forms and Dependabot settings in a .github folder, without a network. Usage: lint_github.sh BIN FOLDER
set -eu
bin=$1 folder=$2 status=0
check() {
    errors=$("$bin/check-jsonschema" --builtin-schema "$@") || { echo "$errors" && status=1; }
}
check vendor.github-workflows "$folder"/workflows/*.yml
check custom.github-workflows-require-timeout "$folder"/workflows/*.yml
check vendor.github-issue-config "$folder/ISSUE_TEMPLATE/config.yml"
check vendor.github-issue-forms "$folder"/ISSUE_TEMPLATE/[!c]*.yml
check vendor.dependabot "$folder/dependabot.yml"
"$bin/zizmor" --offline --no-progress --quiet --config "$folder/zizmor.yml" "$folder" || status=1
exit "$status"
